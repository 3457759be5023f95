"""Files are read in a process of its own: what is in them comes out, and what they do to it stays there."""

import asyncio
import io
import os
import signal
import zipfile
import zlib

import pytest

from offhook.knowledge.reading import reader
from offhook.knowledge.reading.blocks import Kind, UnreadableError
from offhook.knowledge.reading.reader import read_file

from .conftest import W, assemble, make_docx, make_pdf


async def test_a_pdf_is_read_with_its_pages_headings_and_paragraphs(write):
    body = [(11, "Le parking souterrain se trouve rue des Tilleuls. Sa hauteur est"), (11, "limitée à 1,90 m.")]
    pages = [[(20, "Livret d'accueil"), (14, "Stationnement"), *body], [(14, "Visites"), (11, "De 14 h à 18 h.")]]
    found = await read_file(Kind.PDF, write("a.pdf", make_pdf(*pages)))
    assert [(each.page, each.headings, each.text) for each in found] == [
        (
            1, "Livret d'accueil › Stationnement",
            "Le parking souterrain se trouve rue des Tilleuls. Sa hauteur est limitée à 1,90 m.",
        ),
        (2, "Livret d'accueil › Visites", "De 14 h à 18 h."),
    ]  # fmt: skip
    assert [each.position for each in found] == [0, 1]


async def test_a_word_cut_at_the_end_of_a_pdf_s_line_is_whole_again(write):
    page = [(11, "The under-"), (11, "ground garage is open on Sun-"), (11, "Monday too, e-mail us.")]
    found = await read_file(Kind.PDF, write("a.pdf", make_pdf(page)))
    assert found[0].text == "The underground garage is open on Sun-Monday too, e-mail us."


async def test_a_word_document_is_read_with_its_headings_and_tables(write):
    styles = (
        '<w:style w:styleId="Titre1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="Own"><w:name w:val="Own"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>'
    )

    def paragraph(text, style=None):
        kind = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
        return f"<w:p>{kind}<w:r><w:t>{text}</w:t></w:r></w:p>"

    def row(*cells):
        return "<w:tr>" + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in cells) + "</w:tr>"

    body = (
        paragraph("Tarifs", "Titre1") + paragraph("Chambres", "Own")
        + f"<w:tbl>{row('Simple', '80 €')}{row('Double', '120 €')}</w:tbl>"
        + "<w:p><w:r><w:t>Petit</w:t><w:tab/><w:t>déjeuner</w:t></w:r></w:p>"
    )  # fmt: skip
    found = await read_file(Kind.DOCX, write("a.docx", make_docx(body, styles)))
    assert [(each.headings, each.text) for each in found] == [
        ("Tarifs › Chambres", "Simple | 80 €\nDouble | 120 €\nPetit déjeuner"),
    ]


async def test_html_shows_what_a_reader_sees(write):
    page = (
        '<!doctype html><html><head><title>No</title><style>p{}</style></head><body><nav><a>Menu</a></nav>'
        "<h1>Hours</h1><p>We open at <b>nine</b>.</p><script>var x = '<p>no</p>'</script><p hidden>secret</p>"
        "<div aria-hidden='true'>icon <div>inner</div></div><table><tr><th>Day<th>Open<tr><td>Mon<td>9&ndash;12</table>"
        "<p>Unclosed <i>tag<h2>Last"
    )  # fmt: skip
    found = await read_file(Kind.HTML, write("a.html", page.encode()))
    assert [(each.headings, each.text) for each in found] == [
        ("Hours", "We open at nine.\nDay | Open\nMon | 9–12\nUnclosed tag"),
        ("Hours › Last", "Last"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
async def test_texts_are_read_in_their_encoding(write, encoding):
    found = await read_file(Kind.TEXT, write("a.txt", "Le café coûte deux euros.".encode(encoding)))
    assert found[0].text == "Le café coûte deux euros."


async def test_html_is_read_in_the_encoding_that_it_declares(write):
    page = '<meta charset="iso-8859-2"><p>Zażółć gęślą jaźń</p>'.encode("iso-8859-2")
    assert (await read_file(Kind.HTML, write("a.html", page)))[0].text == "Zażółć gęślą jaźń"


# ---------------------------------------------------------------------- what is broken, and what is meant to break


def inflating_pdf():
    """One page whose content is 1.2 GB of blanks, deflated twice to a few kB."""
    once = zlib.compressobj(1)
    stream = b"".join(once.compress(b" " * (1 << 20)) for _ in range(1200)) + once.flush()
    stream = zlib.compress(stream, 9)
    head = b"<< /Length %d /Filter [/FlateDecode /FlateDecode] >>\nstream\n" % len(stream)
    return assemble([
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>",
        head + stream + b"\nendstream",
    ])  # fmt: skip


def inflating_docx():
    """A document of 300 MB in 300 kB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("word/document.xml", "w") as file:
        file.write(f"<w:document {W}><w:body>".encode())
        for _ in range(300):
            file.write(b" " * (1 << 20))
    return out.getvalue()


def lying_docx():
    """The same, whose directory says that it is small."""
    data = bytearray(inflating_docx())
    central = data.rindex(b"PK\x01\x02")
    data[central + 24 : central + 28] = (1000).to_bytes(4, "little")
    return bytes(data)


def laughing_docx():
    """A document whose entities expand to a billion words."""
    entities = '<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", f"<!DOCTYPE x [{entities}]><w:document {W}>&i;</w:document>")
    return out.getvalue()


BROKEN = {
    "no pdf": (Kind.PDF, lambda: b"hello", "no PDF"),
    "cut pdf": (Kind.PDF, lambda: make_pdf([(11, "Hello")])[:200], "no PDF|no text"),
    "empty pdf": (Kind.PDF, lambda: make_pdf([]), "no text"),
    "inflating pdf": (Kind.PDF, inflating_pdf, "memory|computing|no text|broke the program"),
    "no docx": (Kind.DOCX, lambda: b"hello", "no Word document"),
    "another zip": (Kind.DOCX, lambda: make_docx("").replace(b"word/document", b"word/dokument"), "no Word document"),
    "broken xml": (Kind.DOCX, lambda: make_docx("<w:p>"), "XML is broken"),
    "inflating docx": (Kind.DOCX, inflating_docx, "unpacks to more than 100 MB"),
    "lying docx": (Kind.DOCX, lying_docx, "unpacks to more|no Word document|XML is broken"),
    "laughing docx": (Kind.DOCX, laughing_docx, "entities"),
    "binary text": (Kind.TEXT, lambda: bytes(range(256)) * 4, "no text"),
    "unknown encoding": (Kind.TEXT, lambda: "привет мир".encode("koi8-r") * 9, "encoding"),
    "blank text": (Kind.TEXT, lambda: b" \n\n\t", "no text"),
    "long text": (Kind.TEXT, lambda: b"word " * 1_000_001, "5,000,000 characters"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_file_has_a_reason(write, name):
    kind, make, reason = BROKEN[name]
    with pytest.raises(UnreadableError, match=reason):
        await read_file(kind, write("file", await asyncio.to_thread(make)))


async def test_html_of_a_million_open_elements_is_read(write):
    found = await read_file(Kind.HTML, write("a.html", b"<div><b><p>" * 300_000 + b"end"))
    assert found[0].text == "end"


PROGRAM = "offhook.knowledge.reading.program"


@pytest.fixture
def program(monkeypatch):
    """Have another program stand for the one that reads: what it does is what a library may do."""

    def stand_in(code):
        make = asyncio.create_subprocess_exec

        async def create(executable, *arguments, **options):
            assert arguments[:2] == ("-m", PROGRAM)
            limits = f"from {PROGRAM} import _limit; _limit()\n"
            return await make(executable, "-c", limits + code, *arguments[2:], **options)

        monkeypatch.setattr(reader.asyncio, "create_subprocess_exec", create)

    return stand_in


async def test_a_process_that_wants_too_much_memory_does_not_get_it(program, write):
    program("x = bytearray(3 << 30)")
    with pytest.raises(UnreadableError, match="broke the program"):
        await read_file(Kind.TEXT, write("a.txt", b"x"))


async def test_a_process_that_computes_without_end_is_stopped(program, write):
    program("import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass")
    with pytest.raises(UnreadableError, match="s of computing"):
        await read_file(Kind.TEXT, write("a.txt", b"x"))


async def test_a_process_that_waits_without_end_is_stopped_and_gone(program, write):
    program("import time; time.sleep(600)")
    with pytest.raises(UnreadableError, match="longer than 1 s"):
        await read_file(Kind.TEXT, write("a.txt", b"x"), limit_s=1)


async def test_a_process_that_writes_without_end_is_stopped(program, write):
    program("import os\nwhile True: os.write(1, b'x' * 65536)")
    with pytest.raises(UnreadableError, match="too much text"):
        await read_file(Kind.TEXT, write("a.txt", b"x"))


async def test_a_crash_is_named(program, write):
    program(f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})")
    with pytest.raises(UnreadableError, match="SIGSEGV"):
        await read_file(Kind.TEXT, write("a.txt", b"x"))


async def test_no_answer_is_no_passages(program, write):
    program("print('hello')")
    with pytest.raises(UnreadableError, match="no answer"):
        await read_file(Kind.TEXT, write("a.txt", b"x"))


async def test_the_process_may_write_no_file_and_knows_none_of_the_server_s_settings(program, write, monkeypatch):
    monkeypatch.setenv("OFFHOOK_SECRET_KEY", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    path = write("a.txt", b"x")
    program(
        "import os, signal, sys, msgspec\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try:\n    open(sys.argv[2], 'ab', 0).write(b'y'); wrote = 'wrote'\nexcept OSError: wrote = 'refused'\n"
        "told = ' '.join([wrote, *(name for name in os.environ if 'SECRET' in name)])\n"
        "sys.stdout.buffer.write(msgspec.msgpack.encode([[], told]))"
    )
    with pytest.raises(UnreadableError, match=r"^refused$"):
        await read_file(Kind.TEXT, path)
    assert path.read_bytes() == b"x"
    assert "OFFHOOK_SECRET_KEY" in os.environ
