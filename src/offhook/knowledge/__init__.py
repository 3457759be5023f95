"""Knowledge bases: files and texts that agents may look things up in.

Light on purpose: the processes that read files and make vectors start from here. The service is in
``offhook.knowledge.service``.
"""
