"""The guided tour of `asc demo`: pages that compute what they show, on a terminal or as plain text."""
