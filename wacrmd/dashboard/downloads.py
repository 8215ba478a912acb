"""Files that pages give, piece by piece."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response, StreamingResponse

from wacrmd.errors import Refusal


async def csv_file(name: str, pieces: AsyncGenerator[str, None]) -> Response:
    """A CSV file. Raises Refusal if there is none: what is wrong is a page, and no download that breaks off."""
    try:
        first = await anext(pieces, "")
    except Refusal:
        await pieces.aclose()
        raise

    async def encoded() -> AsyncGenerator[bytes, None]:
        async with aclosing(pieces):
            yield first.encode()
            async for piece in pieces:
                yield piece.encode()

    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(encoded(), media_type="text/csv; charset=utf-8", headers=headers)
