"""The harness: runs one attempt of a step in any language and ends with one result record.

Standard library only, Python 3.11 and later. It must stay quick to start (no `json`, `re`, `enum`, `subprocess`
on the way of an ordinary step) and imports nothing of the rest of Penstock. The contract is in
`runtimes_images/README.md`; its words and limits are in `protocol.py`.
"""
