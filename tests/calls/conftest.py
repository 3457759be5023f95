"""Real SIP programs as fixtures: ``sipp``, ``baresip`` and ``linphone`` start them on free ports and end only them.

A test that needs a program which isn't installed is skipped, unless REQUIRE_PEERS is set (as in CI).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

HOST = "127.0.0.1"
RATE_HZ = 8000
STARTUP_S = 10.0  # two cores shared by many test processes
CODEC_NUMBERS = {"PCMU": 3, "PCMA": 4}  # in linphone's own list
BARESIP_MODULES = Path("/usr/lib/baresip/modules")


def free_port() -> int:
    """A port that is free for UDP and TCP, even, with the next one free too (RTP and RTCP)."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind((HOST, 0))
            port = udp.getsockname()[1]
            if port % 2:
                continue
            try:
                tcp.bind((HOST, port))
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pair:
                    pair.bind((HOST, port + 1))
            except OSError:
                continue
            return port


def need(program: str) -> str:
    """Path of a program, or skip."""
    path = shutil.which(program)
    if path is None:
        if os.environ.get("REQUIRE_PEERS"):
            pytest.fail(f"{program} is not installed")
        pytest.skip(f"{program} is not installed")
    return path


def write_tone(path: Path, hz: float, seconds: float, rms: float = 6000) -> Path:
    """A WAV of a tone, 8 kHz mono."""
    times = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    samples = (np.sin(2 * np.pi * hz * times) * rms * np.sqrt(2)).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(samples.tobytes())
    return path


def tone_share(pcm: bytes, hz: float, rate_hz: int = RATE_HZ) -> float:
    """Share of a recording's energy that lies within 30 Hz of a tone; 0 for silence."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    if samples.size < rate_hz // 10 or not samples.any():
        return 0.0
    power = np.abs(np.fft.rfft(samples * np.hanning(samples.size))) ** 2
    freqs = np.fft.rfftfreq(samples.size, 1 / rate_hz)
    return float(power[np.abs(freqs - hz) < 30].sum() / power.sum())


def read_wav(path: Path) -> tuple[bytes, int]:
    """PCM of the first channel and rate of a WAV, also one whose header was never finished."""
    data = path.read_bytes()
    channels = int.from_bytes(data[22:24], "little")
    rate_hz = int.from_bytes(data[24:28], "little")
    start = data.index(b"data") + 8
    body = data[start : start + (len(data) - start) // (2 * channels) * 2 * channels]
    return np.frombuffer(body, "<i2")[::channels].tobytes(), rate_hz


async def poll(condition: Callable[[], object], limit_s: float) -> None:
    """Wait until something that nobody announces is so. Raises TimeoutError."""
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.02)


async def end_process(process: asyncio.subprocess.Process) -> None:
    """End one program of ours."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 3)
        except TimeoutError:
            process.kill()
            await process.wait()


class Sipp:
    """One run of sipp with a scenario."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, folder: Path) -> None:
        self.process, self.port, self.folder = process, port, folder

    @property
    def uri(self) -> str:
        """Where a sipp that waits for calls is dialled."""
        return f"sip:peer@{HOST}:{self.port}"

    async def wait(self, limit_s: float = 40.0) -> None:
        """Wait until every call went as the scenario says; fails with sipp's own account of what went wrong."""
        code = await asyncio.wait_for(self.process.wait(), limit_s)
        assert code == 0, f"sipp exit {code}\n{self.account()}"

    def account(self) -> str:
        """Errors and messages."""
        files = sorted(self.folder.glob("sipp_*.log"))
        return "\n".join(f"--- {file.name}\n{file.read_text(errors='replace')[-6000:]}" for file in files)

    def messages(self) -> str:
        """Every message sent and received, once sipp is done."""
        return (self.folder / "sipp_messages.log").read_text(errors="replace")


@pytest_asyncio.fixture
async def sipp(tmp_path: Path) -> AsyncIterator[Callable]:
    """``await sipp(scenario, to=(host, port))`` dials, without ``to`` it waits for calls."""
    program, started = need("sipp"), []

    async def start(
        scenario: object, to: tuple[str, int] | None = None, *, service: str = "100", calls: int = 1,
        timeout_s: int = 30, transport: str = "u1", extra: tuple[str, ...] = (),
    ) -> Sipp:  # fmt: skip
        folder = tmp_path / f"sipp{len(started)}"
        folder.mkdir()
        (folder / "scenario.xml").write_text(str(scenario))
        port = free_port()
        command = [
            program, *([f"{to[0]}:{to[1]}"] if to else []), "-sf", "scenario.xml", "-i", HOST, "-p", str(port),
            "-mi", HOST, "-m", str(calls), "-s", service, "-t", transport, "-nostdin", "-nd",
            "-timeout", str(timeout_s), "-timeout_error", "-trace_err", "-error_file", "sipp_errors.log",
            "-trace_msg", "-message_file", "sipp_messages.log", *extra,
        ]  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        started.append(Sipp(process, port, folder))
        if to is None:
            await listening(port, process, "udp" if transport.startswith("u") else "tcp")
        return started[-1]

    yield start
    for one in started:
        await end_process(one.process)


class Scenario:
    """A sipp scenario written step by step; each step returns the scenario."""

    SDP = (
        "v=0\no=sipp 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [media_ip]\nt=0 0\n"
        "m=audio [media_port] RTP/AVP {payloads}\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n"
    )

    def __init__(self) -> None:
        self._steps: list[str] = []

    def send(self, text: str, attributes: str = "") -> Scenario:
        """Send these lines; Content-Length is added."""
        head, _, body = text.strip("\n").partition("\n\n")
        self._steps.append(f"<send {attributes}><![CDATA[\n{head}\nContent-Length: [len]\n\n{body}\n]]></send>")
        return self

    def request(
        self, method: str, *, cseq: int, to: str = "[peer_tag_param]", uri: str = "[next_url]", sdp: str | None = None,
        branch: str = "[branch]", headers: str = "", attributes: str | None = None,
    ) -> Scenario:  # fmt: skip
        """Send a request of a caller; ``sdp`` are the payload types offered, None sends no body."""
        first = method == "INVITE" and to == ""
        lines = [
            f"{method} {'sip:[service]@[remote_ip]:[remote_port]' if first or not uri else uri} SIP/2.0",
            f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch};rport",
            "From: <sip:+33611223344@[local_ip]:[local_port]>;tag=[pid]sipp[call_number]",
            f"To: <sip:[service]@[remote_ip]:[remote_port]>{to}",
            "Call-ID: [call_id]",
            f"CSeq: {cseq} {method}",
            "Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>",
            "Max-Forwards: 70",
            *([headers] if headers else []),
        ]
        body = "" if sdp is None else self.SDP.format(payloads=sdp)
        if body:
            lines.append("Content-Type: application/sdp")
        repeat = 'retrans="500"' if method not in {"ACK", "CANCEL"} else ""
        return self.send("\n".join(lines) + "\n\n" + body, repeat if attributes is None else attributes)

    def invite(self, sdp: str | None = "0 8 101", **options) -> Scenario:
        """Call."""
        return self.request("INVITE", cseq=1, to="", sdp=sdp, **options)

    def reply(self, status: str, *, sdp: str | None = None, headers: str = "", tag: str = ";tag=[pid]uas") -> Scenario:
        """Answer the last request as one who is called."""
        lines = [
            f"SIP/2.0 {status}", "[last_Via:]", "[last_Record-Route:]", "[last_From:]", f"[last_To:]{tag}",
            "[last_Call-ID:]", "[last_CSeq:]", "Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>",
            *([headers] if headers else []),
        ]  # fmt: skip
        body = "" if sdp is None else self.SDP.format(payloads=sdp)
        if body:
            lines.append("Content-Type: application/sdp")
        return self.send("\n".join(lines) + "\n\n" + body)

    def expect(self, what: int | str, *, optional: bool = False, attributes: str = "", action: str = "") -> Scenario:
        """Receive a response (a code) or a request (a method); ``action`` is XML."""
        kind = f'response="{what}"' if isinstance(what, int) else f'request="{what}"'
        also = 'optional="true"' if optional else ""
        rrs = 'rrs="true"' if what in {200, "INVITE", 183} else ""
        self._steps.append(f"<recv {kind} {also} {rrs} {attributes}>{action}</recv>")
        return self

    def ringing(self) -> Scenario:
        """What may come before an answer."""
        return self.expect(100, optional=True).expect(180, optional=True)

    def must_match(self, regexp: str) -> str:
        """An action: the message just received matches."""
        return (
            f'<action><ereg regexp="{regexp}" search_in="msg" check_it="true" assign_to="seen"/>'
            '<log message="[$seen]"/></action>'
        )

    def pause(self, milliseconds: int) -> Scenario:
        """Wait."""
        self._steps.append(f'<pause milliseconds="{milliseconds}"/>')
        return self

    def play(self, path: Path) -> Scenario:
        """Send a file of µ-law from here on, again and again; for an offer that was made ``streaming``."""
        self._steps.append(f'<nop><action><exec rtp_stream="{path},-1,0"/></action></nop>')
        return self

    def streaming(self) -> Scenario:
        """Offer the port that ``play`` sends from."""
        self.SDP = self.SDP.replace("[media_port]", "[rtpstream_audio_port]")
        return self

    def __str__(self) -> str:
        steps = "\n".join(self._steps)
        return f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="test">\n{steps}\n</scenario>\n'


@pytest.fixture
def scenario() -> type[Scenario]:
    """Makes sipp scenarios."""
    return Scenario


async def listening(port: int, process: asyncio.subprocess.Process, transport: str = "udp") -> None:
    """Wait until a program of ours has bound its port."""
    await poll(lambda: process.returncode is not None or is_bound(port, transport), STARTUP_S)
    assert process.returncode is None, f"the program that should listen on {port} ended with {process.returncode}"


def is_bound(port: int, transport: str) -> bool:
    """Whether some program has bound this port (linphone binds it for IPv6 and IPv4 at once)."""
    lines = [
        line for name in (transport, f"{transport}6") for line in Path("/proc/net", name).read_text().splitlines()[1:]
    ]
    return any(line.split()[1].endswith(f":{port:04X}") for line in lines)


class Baresip:
    """Debian's baresip, driven over its control port; it plays a WAV and records what it hears."""

    def __init__(self, folder: Path, port: int, control: int) -> None:
        self.folder, self.port, self._control = folder, port, control
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task | None = None
        self._events: asyncio.Queue[dict] = asyncio.Queue()
        self._writer: asyncio.StreamWriter | None = None

    @property
    def uri(self) -> str:
        """Where it is dialled."""
        return f"sip:peer@{HOST}:{self.port}"

    async def start(self, program: str) -> None:
        """Start it and connect to its control port."""
        log = (self.folder / "log.txt").open("wb")
        with log:
            self._process = await asyncio.create_subprocess_exec(
                program, "-f", str(self.folder), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        async with asyncio.timeout(STARTUP_S):
            while True:
                try:
                    reader, self._writer = await asyncio.open_connection(HOST, self._control)
                    break
                except OSError:
                    assert self._process.returncode is None, (self.folder / "log.txt").read_text(errors="replace")
                    await asyncio.sleep(0.05)
        self._reader = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        buffer = b""
        while data := await reader.read(65536):
            buffer += data
            while b":" in buffer:
                size, _, rest = buffer.partition(b":")
                if len(rest) < int(size) + 1:
                    break
                self._events.put_nowait(json.loads(rest[: int(size)]))
                buffer = rest[int(size) + 1 :]

    def command(self, name: str, parameters: str = "") -> None:
        """Give a command of its menu (``dial``, ``hangup``, ``hold``, ``resume`` …)."""
        text = json.dumps({"command": name, "params": parameters, "token": "t"}).encode()
        self._writer.write(b"%d:%s," % (len(text), text))

    async def event(self, kind: str, limit_s: float = 10.0) -> dict:
        """Wait for an event such as CALL_ESTABLISHED or CALL_CLOSED."""
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    event = await self._events.get()
                    if event.get("type") == kind:
                        return event
        except TimeoutError:
            pytest.fail(f"baresip: no {kind}\n{(self.folder / 'log.txt').read_text(errors='replace')[-3000:]}")

    def heard(self) -> tuple[bytes, int]:
        """What it recorded of the far end: PCM and rate."""
        return read_wav(next((self.folder / "recordings").glob("*dec.wav")))

    async def close(self) -> None:
        """End it."""
        if self._reader is not None:
            self._reader.cancel()
        if self._writer is not None:
            self._writer.close()
        if self._process is not None:
            await end_process(self._process)


@pytest_asyncio.fixture
async def baresip(tmp_path: Path) -> AsyncIterator[Callable]:
    """``await baresip(hz=700, codecs="pcmu,pcma", answer="auto")`` starts one that plays a tone."""
    program, started = need("baresip"), []

    async def start(*, hz: float = 700.0, codecs: str = "pcmu,pcma", answer: str = "auto") -> Baresip:
        folder = tmp_path / f"baresip{len(started)}"
        (folder / "recordings").mkdir(parents=True)
        say = write_tone(folder / "say.wav", hz, 30.0)
        port, control, rtp = free_port(), free_port(), free_port()
        (folder / "accounts").write_text(
            f"<sip:peer@{HOST}:{port}>;regint=0;answermode={answer};audio_codecs={codecs}\n"
        )
        (folder / "contacts").write_text("")
        modules = ("aubridge", "sndfile", "g711", "aufile", "uuid", "account", "ctrl_tcp")
        lines = [
            f"sip_listen {HOST}:{port}",
            "audio_player aubridge,sink",
            f"audio_source aufile,{say}",
            "audio_alert aufile,/dev/null",
            *(f"{name} {RATE_HZ}" for name in ("ausrc_srate", "auplay_srate")),
            *(f"{name} 1" for name in ("ausrc_channels", "auplay_channels")),
            f"rtp_ports {rtp}-{rtp + 3}",
            f"net_interface {HOST}",
            f"module_path {BARESIP_MODULES}",
            *(f"module {name}.so" for name in modules),
            f"snd_path {folder / 'recordings'}",
            f"ctrl_tcp_listen {HOST}:{control}",
            "module_app menu.so",
            "module_app contact.so",
        ]
        (folder / "config").write_text("\n".join(lines) + "\n")
        peer = Baresip(folder, port, control)
        started.append(peer)
        await peer.start(program)
        return peer

    yield start
    for one in started:
        await one.close()


class Linphone:
    """Debian's linphonec, driven by its prompt; it plays a WAV and records the call."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self._process: asyncio.subprocess.Process | None = None

    @property
    def uri(self) -> str:
        """Where it is dialled."""
        return f"sip:lin@{HOST}:{self.port}"

    async def start(self, program: str) -> None:
        """Start it and wait for its SIP port."""
        with (self.folder / "out.txt").open("wb") as out:
            self._process = await asyncio.create_subprocess_exec(
                program, "-c", str(self.folder / "rc"), "-d", "0", stdin=asyncio.subprocess.PIPE, stdout=out,
                stderr=asyncio.subprocess.STDOUT, cwd=self.folder, env={**os.environ, "HOME": str(self.folder)},
            )  # fmt: skip
        await listening(self.port, self._process)
        self.command("soundcard use files")
        self.command(f"play {self.folder / 'say.wav'}")
        self.command(f"record {self.folder / 'heard.wav'}")

    def command(self, text: str) -> None:
        """Type a line at its prompt (``call URI``, ``answer``, ``terminate``, ``pause``, ``resume`` or DTMF digits)."""
        self._process.stdin.write(text.encode() + b"\n")

    async def prints(self, text: str, limit_s: float = 10.0) -> None:
        """Wait until it has printed a text."""
        try:
            await poll(lambda: text in self.output(), limit_s)
        except TimeoutError:
            pytest.fail(f"linphonec: no {text!r}\n{self.output()[-3000:]}")

    def output(self) -> str:
        """All that it printed."""
        return (self.folder / "out.txt").read_text(errors="replace")

    def heard(self) -> tuple[bytes, int]:
        """What it recorded of the far end: PCM and rate."""
        return read_wav(self.folder / "heard.wav")

    async def close(self) -> None:
        """End it."""
        if self._process is not None:
            if self._process.returncode is None:
                self.command("quit")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._process.wait(), 2)
            await end_process(self._process)


@pytest_asyncio.fixture
async def linphone(tmp_path: Path) -> AsyncIterator[Callable]:
    """``await linphone(hz=900, codec="PCMU")`` starts one that plays a tone."""
    program, started = need("linphonec"), []

    async def start(*, hz: float = 900.0, codec: str | None = None, auto_answer: bool = False) -> Linphone:
        folder = tmp_path / f"linphone{len(started)}"
        (folder / ".local/share/linphone").mkdir(parents=True)
        write_tone(folder / "say.wav", hz, 30.0)
        port = free_port()
        sections = {
            "sip": {
                "sip_port": port, "sip_tcp_port": 0, "sip_tls_port": 0, "use_ipv6": 0, "guess_hostname": 0,
                "contact": f"sip:lin@{HOST}", "register_only_when_network_is_up": 0,
            },
            "net": {"nat_address": HOST, "firewall_policy": "nat_address"},
            "rtp": {"bind_address": HOST, "audio_rtp_port": free_port()},
            "video": {"display": 0, "capture": 0, "automatically_initiate": 0, "automatically_accept": 0},
            "sound": {"echocancellation": 0, "ec_filter": 0},
        }  # fmt: skip
        text = "".join(
            f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in section.items()) + "\n"
            for name, section in sections.items()
        )
        (folder / "rc").write_text(text)
        peer = Linphone(folder, port)
        started.append(peer)
        await peer.start(program)
        peer.command("codec disable all")
        for name in [codec] if codec else ["PCMU", "PCMA"]:
            peer.command(f"codec enable {CODEC_NUMBERS[name]}")
            await peer.prints(f"{name} (8000) enabled")
        if auto_answer:
            peer.command("autoanswer enable")
            await peer.prints("Auto answer enabled")
        return peer

    yield start
    for one in started:
        await one.close()


@pytest.fixture
def tone_of() -> Callable[[bytes, float, int], float]:
    """``tone_of(pcm, hz, rate_hz)``: how much of a recording is that tone."""
    return tone_share
