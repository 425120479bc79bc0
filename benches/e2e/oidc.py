"""An identity provider for the benchmark: one RSA key, discovery, a key set, and tokens. No dependencies.

It is asked a few times when the gateway starts; tokens are signed here and verified by the gateway as any other.
"""

import base64
import hashlib
import http.server
import json
import secrets
import threading
import time

EXPONENT = 65537
SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def probable_prime(bits):
    while True:
        candidate = secrets.randbits(bits) | (3 << (bits - 2)) | 1
        if all(candidate % small for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)) and miller_rabin(candidate):
            return candidate


def miller_rabin(n, rounds=24):
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(rounds):
        x = pow(secrets.randbelow(n - 3) + 2, odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


class Provider:
    def __init__(self):
        p, q = probable_prime(1024), probable_prime(1024)
        self.modulus, self.private = p * q, pow(EXPONENT, -1, (p - 1) * (q - 1))
        documents = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                document = documents.get(self.path)
                body = json.dumps(document or {}).encode()
                self.send_response(200 if document else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        numbers = {"n": encode(self.modulus.to_bytes(256, "big")), "e": encode(EXPONENT.to_bytes(3, "big"))}
        documents["/.well-known/openid-configuration"] = {
            "issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks", "id_token_signing_alg_values_supported": ["RS256"],
            "authorization_endpoint": f"{self.issuer}/none", "token_endpoint": f"{self.issuer}/none",
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
        }
        documents["/jwks"] = {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "bench", **numbers}]}
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, sub, groups):
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": "portcullis", "sub": sub, "groups": groups, "iat": now, "nbf": now - 5, "exp": now + 6 * 3600}
        header = {"alg": "RS256", "typ": "JWT", "kid": "bench"}
        signed = ".".join(encode(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
        digest = SHA256_PREFIX + hashlib.sha256(signed.encode()).digest()
        block = b"\x00\x01" + b"\xff" * (256 - 3 - len(digest)) + b"\x00" + digest
        signature = pow(int.from_bytes(block, "big"), self.private, self.modulus).to_bytes(256, "big")
        return f"{signed}.{encode(signature)}"
