"""What the live suites are built from: a server process, a conversation with
it, and transcripts of conversations."""
