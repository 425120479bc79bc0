"""The smallest Postgres client that can be: so that what is measured is the proxy, not the client."""

import socket
import struct

READY = b"Z\x00\x00\x00\x05I"


class Session:
    """One signed-in session. Knows trust and cleartext passwords; never looks at a row."""

    def __init__(self, peer):
        self.socket = socket.create_connection(("127.0.0.1", peer.port), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = b"".join(part.encode() + b"\0" for part in ("user", peer.user, "database", "bench")) + b"\0"
        self.socket.sendall(struct.pack("!II", len(body) + 8, 196608) + body)
        self.sign_in(peer.password)

    def sign_in(self, password):
        data = b""
        while not data.endswith(READY):
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionError(f"closed during sign-in: {data!r}")
            data += part
            if data == b"R" + struct.pack("!II", 8, 3):
                secret = (password or "").encode() + b"\0"
                self.socket.sendall(b"p" + struct.pack("!I", len(secret) + 4) + secret)
                data = b""
            elif data[:1] == b"E":
                raise ConnectionError(repr(data))

    def query(self, text):
        """Sends a simple query and throws the answer away; returns how many bytes it was."""
        body = text.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!I", len(body) + 4) + body)
        buffer, size, tail = bytearray(1 << 20), 0, b""
        while True:
            got = self.socket.recv_into(buffer)
            if not got:
                raise ConnectionError("closed in the middle of an answer")
            size += got
            tail = (tail + bytes(buffer[max(0, got - 6):got]))[-6:]
            if tail == READY:
                return size

    def close(self):
        try:
            self.socket.sendall(b"X\x00\x00\x00\x04")
        finally:
            self.socket.close()
