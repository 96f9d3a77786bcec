"""The R4 profile "Baton message": a Bundle read into a `Message`, and a `Message` written as a Bundle."""

from schemas.bundle.addresses import address
from schemas.bundle.answers import Answer, AnswerCode, response_bundle
from schemas.bundle.reading import read
from schemas.bundle.tidying import trim_codes
from schemas.bundle.writing import Kept, write

__all__ = ["Answer", "AnswerCode", "Kept", "address", "read", "response_bundle", "trim_codes", "write"]
