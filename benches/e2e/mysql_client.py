"""The smallest MySQL client that can be: so that what is measured is the proxy, not the client.

Spec: MySQL's "Connection Phase" and "Text Resultset". It knows passwords sent in clear and empty ones.
"""

import socket

# LONG_PASSWORD, LONG_FLAG, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH,
# PLUGIN_AUTH_LENENC_CLIENT_DATA, DEPRECATE_EOF: with the last, a result ends with a packet that no row looks like.
CAPABILITIES = 1 | 1 << 2 | 1 << 3 | 1 << 9 | 1 << 13 | 1 << 15 | 1 << 19 | 1 << 21 | 1 << 24
UTF8MB4 = 45
OK, ERROR, SWITCH = 0x00, 0xFF, 0xFE


def packet(sequence, body):
    return len(body).to_bytes(3, "little") + bytes([sequence & 0xFF]) + body


def counted(data):
    """Behind its length."""
    assert len(data) < 1 << 16
    return (bytes([len(data)]) if len(data) < 251 else b"\xfc" + len(data).to_bytes(2, "little")) + data


class Session:
    """One signed-in session; never looks at a row."""

    def __init__(self, peer):
        self.socket = socket.create_connection(("127.0.0.1", peer.port), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sign_in(peer.user, peer.password)

    def sign_in(self, user, password):
        self.read_packet()
        plugin, proof = ("mysql_clear_password", password.encode() + b"\0") if password else ("mysql_native_password", b"")
        body = CAPABILITIES.to_bytes(4, "little") + (1 << 24).to_bytes(4, "little") + bytes([UTF8MB4]) + bytes(23)
        body += user.encode() + b"\0" + counted(proof) + b"bench\0" + plugin.encode() + b"\0"
        self.socket.sendall(packet(1, body))
        while True:
            sequence, answer = self.read_packet()
            if answer[0] == OK:
                return
            if answer[0] == ERROR:
                raise ConnectionError(repr(answer))
            if answer[0] == SWITCH:
                self.socket.sendall(packet(sequence + 1, proof))

    def read_packet(self):
        head = self.read_exact(4)
        return head[3], self.read_exact(int.from_bytes(head[:3], "little"))

    def read_exact(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionError("closed during sign-in")
            data += part
        return data

    def query(self, text):
        """Sends a query that answers with rows and throws them away; returns how many bytes it was."""
        self.socket.sendall(packet(0, b"\x03" + text.encode()))
        buffer, size, tail = bytearray(1 << 20), 0, b""
        while True:
            got = self.socket.recv_into(buffer)
            if not got:
                raise ConnectionError("closed in the middle of an answer")
            if size == 0 and got > 4 and buffer[4] == ERROR:
                raise RuntimeError(bytes(buffer[4:got]))
            size += got
            tail = (tail + bytes(buffer[max(0, got - 11):got]))[-11:]
            # Its length, its number, its tag, no rows changed, no key made; then the status and the count of warnings.
            if tail[:3] == b"\x07\0\0" and tail[4:7] == b"\xfe\0\0":
                return size

    def close(self):
        try:
            self.socket.sendall(packet(0, b"\x01"))
        finally:
            self.socket.close()
