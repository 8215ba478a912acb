"""A browser without a screen: it keeps cookies, says where a request comes from, and sends forms as they stand."""

from html.parser import HTMLParser
from typing import Any

import httpx

from tests.support.site import Site, plain_client

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
PASSWORD = "correct horse battery"


class Form(HTMLParser):
    """The fields of the form of a page that has this action, as a browser sends them: of several with one name a list."""

    def __init__(self, page: str, action: str) -> None:
        super().__init__()
        self.fields: dict[str, Any] = {}
        self.found = False
        self._action, self._inside = action, False
        self._select = ""
        self._text: list[str] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the forms and the fields with a value."""
        given = dict(attrs)
        if tag == "form":
            self._inside = given.get("action") == self._action
            self.found |= self._inside
        elif not self._inside:
            return
        elif tag == "select":
            self._select = given.get("name") or ""
        elif tag == "option" and self._select and ("selected" in given or self._select not in self.fields):
            self.fields[self._select] = given.get("value") or ""
            self._text = [] if "value" not in given else None
        elif tag in ("input", "button") and given.get("name"):
            if given.get("type") in ("checkbox", "radio") and "checked" not in given:
                return
            name, value = str(given["name"]), given.get("value") or ""
            before = self.fields.get(name)
            self.fields[name] = (
                value if before is None else [*([before] if isinstance(before, str) else before), value]
            )

    def handle_data(self, data: str) -> None:
        """Note the text of an option that has no value."""
        if self._text is not None:
            self._text.append(data)
            self.fields[self._select] = "".join(self._text).strip()

    def handle_endtag(self, tag: str) -> None:
        """Note the end of the form."""
        if tag == "option":
            self._text = None
        elif tag == "select":
            self._select = ""
        elif tag == "form":
            self._inside = False


class Browser:
    """A person in front of the dashboard."""

    def __init__(self, site: Site) -> None:
        listener = site.running.dashboard_listener
        assert listener is not None
        self.url = f"http://{listener.address}"
        self.http = plain_client(self.url)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """A page; a redirect is not followed."""
        return await self.http.get(path, headers={"Sec-Fetch-Site": "none"} | headers)

    async def submit(self, path: str, fields: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        """Send a form of one of the pages."""
        return await self.http.post(path, data=fields or {}, headers=SAME_ORIGIN | headers)

    async def follow(self, answer: httpx.Response) -> str:
        """The page to which a change leads."""
        assert answer.status_code == 303, answer.text
        page = await self.get(answer.headers["location"])
        assert page.status_code == 200
        return page.text

    async def change(self, path: str, fields: dict[str, Any] | None = None) -> str:
        """Send a form that is right; the page to which it leads."""
        return await self.follow(await self.submit(path, fields))

    async def login_token(self) -> str:
        """The token of the login form, whose cookie the browser now has."""
        return str(Form((await self.get("/login")).text, "/login").fields["login"])

    async def log_in(self, name: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
        """Log in with a password."""
        fields = {
            "login": await self.login_token(),
            "name": name,
            "password": password,
            "next": "/broadcasts",
        }
        return await self.submit("/login", fields, **headers)

    async def log_in_by_link(self, link: str) -> httpx.Response:
        """Open a link, as the page does with a script."""
        token = link.partition("#")[2]
        return await self.submit("/login/link", {"login": await self.login_token(), "token": token})
