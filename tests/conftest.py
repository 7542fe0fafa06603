"""Fixtures that several kinds of tests share."""

from tests.support.pki import shared_pki

__all__ = ["shared_pki"]
