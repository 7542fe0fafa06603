"""What the documentation site (mkdocs.yml) has beyond the files of docs/: pages of the repository's root, the reference
of the programming interface, and links that lead out of docs/.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
PAGES = ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "bench/RESULTS.md")
"""Below the root of the repository; they keep their paths."""

_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the further pages."""
    for name in PAGES:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    files.append(File.generated(config, "api.md", abs_src_path=str(ROOT / "docs/.site/api.md")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links point to where their pages are on the site; what has no page there stays as a text."""
    here = posixpath.dirname(page.file.src_uri)
    of_docs = page.file.src_uri not in PAGES

    def moved(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        if re.match(r"[a-z]+:", target):
            return match[0]
        path = posixpath.normpath(posixpath.join("docs" if of_docs else "", here, target))
        inside = path.removeprefix("docs/") if path.startswith("docs/") else path
        if files.get_file_from_path(inside) is None and (ROOT / path).is_dir():
            inside = posixpath.join(inside, "README.md")
        if files.get_file_from_path(inside) is not None:
            return f"[{text}]({posixpath.relpath(inside, here or '.')}{anchor})"
        if (ROOT / path).exists():
            return f"{text} (`{path}` in the repository)" if text.strip("`") != path else f"`{path}`"
        return match[0]

    return _LINK.sub(moved, markdown)
