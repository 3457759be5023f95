"""RTP media: one engine a process, one leg a call."""

from offhook.lines.media.codec import Codec
from offhook.lines.media.engine import MediaEngine
from offhook.lines.media.leg import MediaLeg

__all__ = ["Codec", "MediaEngine", "MediaLeg"]
