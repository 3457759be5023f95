"""One process with everything in it: API, SIP, media, calls; started, recovered and shut down in order."""
