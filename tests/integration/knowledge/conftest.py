"""Files made by hand, so that what is in them is known to the byte, and a knowledge service on a real database."""

import asyncio
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from offhook.knowledge.service import Knowledge, Upload, kind_of
from offhook.settings import Settings
from offhook.store.bootstrap import bootstrap
from offhook.store.database import Database
from offhook.store.knowledge import SourceStatus, SourceType

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def make_pdf(*pages):
    """A PDF of pages, each a list of (size, text)."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for page in pages:
        y, drawn = 800, []
        for size, text in page:
            y -= size + 6
            quoted = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
            drawn.append(f"BT /F1 {size} Tf 50 {y} Td ({quoted}) Tj ET")
        stream = zlib.compress("\n".join(drawn).encode("cp1252"))
        objects.append(b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(stream), stream))
        content = len(objects)
        font = (
            b"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >> >> >>"
        )
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources %b >>" % (content, font)
        )
        kids.append(len(objects))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%b] >>" % (len(kids), b" ".join(b"%d 0 R" % kid for kid in kids))
    return assemble(objects)


def assemble(objects):
    """The file of these objects, the first one its catalogue."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, table)
    return bytes(out)


def make_docx(body, styles=""):
    """A Word file of this body, in Word's XML."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", f"<w:document {W}><w:body>{body}</w:body></w:document>")
        archive.writestr("word/styles.xml", f"<w:styles {W}>{styles}</w:styles>")
    return out.getvalue()


@dataclass
class House:
    """A service, and one base of one organization in it."""

    knowledge: Knowledge
    database: Database
    settings: Settings
    organization_id: str
    base_id: str

    async def add(self, name, content):
        data = content.encode() if isinstance(content, str) else content
        upload = Upload(name, SourceType.FILE, kind_of(name), io.BytesIO(data))
        base = await self.knowledge.add(self.organization_id, self.base_id, [upload])
        return base.sources[-1].id

    def source(self, source_id):
        return self.knowledge.bases.source(source_id)

    async def settled(self, source_id):
        async with asyncio.timeout(60):
            while (source := await asyncio.to_thread(self.source, source_id)).status is SourceStatus.INGESTING:
                await asyncio.sleep(0.02)
        return source

    async def search(self, query, **options):
        return await self.knowledge.search(self.organization_id, [self.base_id], query, **options)

    async def texts(self, query, **options):
        return [hit.passage.text for hit in (await self.search(query, **options)).hits]

    def another(self):
        """Another process's service on the same database and files, not started."""
        return House(
            Knowledge(self.database, self.settings, "secret"),
            self.database, self.settings, self.organization_id, self.base_id,
        )  # fmt: skip


@pytest.fixture
def models_dir(tmp_path):
    """No model, unless a test says else."""
    return tmp_path / "models"


@pytest.fixture
async def house(database_url, tmp_path, models_dir):
    database = Database(database_url)
    organization_id = bootstrap(database).organization.id
    settings = Settings(data_dir=tmp_path, models_dir=models_dir)
    knowledge = Knowledge(database, settings, "secret")
    base = knowledge.bases.create(organization_id, "Rules")
    yield House(knowledge, database, settings, organization_id, base.id)
    await knowledge.close()
    database.close()


@pytest.fixture
def write(tmp_path):
    """Write a file and answer its path."""

    def write(name, data) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write
