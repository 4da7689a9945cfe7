"""Secrets that open nothing, made up when the tests run: no file of the repository holds one.

The prefixes of providers' tokens are written in two pieces, so that no scanner takes this file
for a leak.
"""

from __future__ import annotations

import base64
import json
import random
import string
from typing import Final, NamedTuple

_ANY: Final = string.ascii_letters + string.digits
_BASE64: Final = _ANY + "+/"
_BASE32: Final = string.ascii_uppercase + "234567"
_WORDS: Final = (
    *("ability", "wrist", "zebra", "yard", "vocal", "usual"),
    *("twice", "topic", "salad", "abandon", "world", "zoo"),
)
_HEX: Final = "0123456789abcdef"


class Planted(NamedTuple):
    """A text with a secret: its kind, the text, the secret in it, whether our own rules find it."""

    kind: str
    text: str
    secret: str
    own: bool


class Maker:
    """Makes secrets: the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - what opens nothing may be guessed

    def of(self, size: int, letters: str = _ANY) -> str:
        """Generate a secret of this many characters: lower-case, upper-case and a digit."""
        while True:
            text = "".join(self._random.choice(letters) for _ in range(size))
            kinds = [str.islower, str.isupper, str.isdigit]
            if all(any(map(k, text)) or not any(map(k, letters)) for k in kinds):
                return text

    def words(self, count: int) -> list[str]:
        """Words as a wallet shows them."""
        return [self._random.choice(_WORDS) for _ in range(count)]

    def key(self, kind: str, lines: int) -> str:
        """Generate a private key in PEM form."""
        body = "\n".join(self.of(64, _BASE64) for _ in range(lines))
        return f"-----BEGIN {kind}-----\n{body}\n{self.of(40, _BASE64)}=\n-----END {kind}-----"

    def token(self) -> str:
        """Generate a JSON web token."""
        parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": self.of(10), "iat": 1700000000})
        coded = [
            base64.urlsafe_b64encode(json.dumps(p).encode()).decode().strip("=") for p in parts
        ]
        return ".".join([*coded, self.of(43, _ANY + "-_")])

    def basic(self) -> str:
        """Generate an HTTP basic credential."""
        return base64.b64encode(f"ada:{self.of(14)}".encode()).decode()


def planted(seed: int = 7) -> list[Planted]:
    """One of each form that is looked for."""
    make = Maker(seed)
    of = make.of
    aws, key40, db = "AK" + "IA" + of(16, _BASE32), of(40, _BASE64), of(16)
    azure, hexa, spring = of(86, _BASE64) + "==", of(32, _HEX), of(12)
    number = of(12, string.digits)
    rows: list[tuple[str, str, str, bool]] = [
        ("aws", "aws_access_key_id = {}", aws, True),
        ("aws", "    'AccessKeyId': '{}',", "AS" + "IA" + of(16, _BASE32), True),
        ("aws", "aws_secret_access_key = {}", key40, True),
        ("aws", 'export AWS_SECRET_ACCESS_KEY="{}"', of(40, _BASE64), True),
        ("password", "password=Tr{}&x", of(10), True),
        ("password", "  DB_PASSWORD: '{}'", "kX9#mP2$vL5n", True),
        ("password", '"password": "{}"', "correct-" + "horse-42-battery", True),
        ("password", "PGPASSWORD={} psql -h db", of(10), True),
        ("password", "spring.datasource.password={}", spring, True),
        ("password", "machine git.internal login ada password {}", of(14), True),
        ("url", "DATABASE_URL=postgres://app:{}@db.internal:5432/app", db, True),
        ("url", "git clone https://deploy:{}@git.internal/app.git", of(12), True),
        ("url", "redis://:{}@cache:6379/0", of(20), True),
        ("url", "mongodb+srv://root:{}@cluster0.internal/x", "S3cret" + "Pw99", True),
        ("azure", "AccountName=acct;AccountKey={};EndpointSuffix=core.windows.net", azure, True),
        ("azure", "AZURE_STORAGE_KEY={}", of(86, _BASE64) + "==", True),
        ("key", "{}", make.key("RSA PRIVATE KEY", 24), True),
        ("key", "{}", make.key("OPENSSH PRIVATE KEY", 6), True),
        ("key", "{}", make.key("EC PRIVATE KEY", 2), True),
        ("key", "{}", make.key("PGP PRIVATE KEY BLOCK", 10), True),
        ("key", '"private_key": "{}\\n"', make.key("PRIVATE KEY", 24).replace("\n", "\\n"), True),
        ("header", "Authorization: Bearer {}", of(40), True),
        ("header", "curl -H 'Authorization: Basic {}' https://api", make.basic(), True),
        ("header", '"auths": {{"registry": {{"auth": "{}"}}}}', make.basic(), True),
        ("named", 'api_key = "{}"', of(32), True),
        ("named", "  client_secret: {}", of(40), True),
        ("named", 'auth_token: "{}"', hexa, True),
        ("named", "<apiKey>{}</apiKey>", of(32), True),
        ("webhook", "https://discord.com/api/webhooks/{}", "1" * 18 + "/" + of(68), True),
        ("webhook", "https://hooks.slack.com/services/{}",
         f"T{of(8, _BASE32)}/B{of(8, _BASE32)}/{of(24)}", False),
        ("github", "GITHUB_TOKEN={}", "gh" + "p_" + of(36), True),
        ("github", "token: {}", "github" + "_pat_" + of(22) + "_" + of(59), True),
        ("gitlab", "{}", "gl" + "pat-" + of(20), False),
        ("slack", "SLACK='{}'", "xo" + f"xb-{number}-{number}-{of(24)}", False),
        ("stripe", "x = '{}'", "sk_" + "live_" + of(24), False),
        ("google", "GOOGLE_MAPS = {}", "AI" + "za" + of(35, _ANY + "-_"), False),
        ("jwt", "bearer = '{}'", make.token(), False),
        ("npm", "//registry/:_authToken={}", "np" + "m_" + of(36), True),
        ("openai", "OPENAI = '{}'", "s" + "k-" + of(20) + "T3Blbk" + "FJ" + of(20), False),
        ("anthropic", "ANTHROPIC_API_KEY={}", "sk-" + "ant-api03-" + of(93) + "AA", True),
        ("sendgrid", "mail('{}')", "S" + "G." + of(22) + "." + of(43), False),
        ("azure", "https://acct.blob.internal/c?sv=2022&sig={}&se=2030", of(43) + "%3D", True),
        ("hash", "admin:{}", "$ap" + f"r1${of(8)}${of(22)}", True),
        ("hash", "root:{}:19000:0:99999:7:::", f"$6${of(16)}${of(86)}", True),
        ("hash", "ci:{}", "$2y" + f"$10${of(53)}", True),
        ("default", 'variable "db_pass" {{\n  type = string\n  default = "{}"\n}}', of(16), True),
        ("command", "mysql -h db -u root -p{} prod", of(12), True),
        ("command", "mariadb-dump --all-databases -p'{}' > all.sql", of(12), True),
        ("command", "sshpass -p '{}' ssh deploy@host", of(12), True),
        ("command", "redis-cli -h cache -a {} ping", of(16), True),
        ("command", "createuser --password {} app", of(12), True),
        ("command", '$p = ConvertTo-SecureString "{}" -AsPlainText -Force', of(12), True),
        ("named", "    token: {}", of(900), True),
        ("named", "DB_PASS={}", of(12), True),
        ("encoded", "{}", base64.b64encode(
            f"AWS_SECRET_ACCESS_KEY={of(40)}\nDB_PASSWORD={of(16)}".encode()).decode(), True),
        ("seed", "wallet seed: {}", " ".join(make.words(12)), True),
        ("mailgun", "mail = 'key-{}'", of(32, _HEX), True),
        ("escaped", '"body": "{{\\"password\\": \\"{}\\"}}"', of(12), True),
        ("escaped", '"body": "secret = \\"{}\\"\\n"', of(32), True),
        ("escaped", '"body": "{{\\"auth\\": \\"{}\\"}}"', make.basic(), True),
        ("huggingface", "login('{}')", "h" + "f_" + of(34, string.ascii_letters), False),
    ]  # fmt: skip
    return [Planted(kind, text.format(secret), secret, own) for kind, text, secret, own in rows]


#: A possible secret to the hasty.
HARMLESS: Final = (
    "password = os.environ['DB_PASSWORD']",
    "password = getpass.getpass()",
    "self.password = password2",
    "def login(user, password=None, token2=None):",
    "password: str = Field(min_length=8)",
    "password=password123",
    '"password": "changeme-1234"',
    "PASSWORD=${DB_PASSWORD_2}",
    "password: {{ vault_db_password_1 }}",
    "token = f'{prefix}_{i18n}'",
    "token: Uint8Array, secret: Sha256Hash",
    "secret_path = '/run/secrets/db1/password2'",
    "api_key = 'your-api-key-123'",
    'API_KEY="<your key 1>"',
    "api_key=XXXXXXXXXXXXXXXX1234",
    "secret = 'this-is-a-secret'",
    "tokens = 1234567890, max_tokens = 128000",
    "next_token = request.args['token']",
    "token_url = 'https://auth.internal/oauth2/token1'",
    "AKIA" + "IOSFODNN7EXAMPLE",
    "http://user:password@proxy.internal:8080",
    "https://user:pass%231@host/",
    "http://localhost:8080/a:b@c",
    "postgres://postgres:postgres@localhost/test",
    "Authorization: Bearer <token>",
    "Authorization: Bearer ${ACCESS_TOKEN_1}",
    "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",  # of the RFC: Aladdin, open sesame
    "AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1"
    "OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",  # of every Azurite
    "if line == '-----BEGIN PRIVATE KEY-----':\n    in_key = True\n    return '-----END'",
    '"integrity": "sha512-' + "aB3/" * 21 + 'aB==",',
    "index 3f2a9c1d8e7b6a5f..9c8b7a6d5e4f3a2b 100644",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    '"apiKey": "{env:OPENAI_API_KEY_2}",',
    "password: '{env:DB_PASSWORD_1}'",
    "sed -i 's/API_KEY=.*/API_KEY=new/' .env",
    "git clone https://<your-token>@github.com/o/r.git",
    '"hashed_secret": "afc848c316af1a89d49826c5ae9d00ed769415f3",',
    "const secret = 'webhook-secret-2026'",
    'SECRET = "test-secret-32-bytes-1234567890abcdef";',
    'name="Culture" publicKeyToken="31bf3856ad364e35" language="neutral"',
    "const INDEXNOW_API_KEY = '863ad0a5c1124f59a060aa77f0861518'",  # every site serves its own
    "signA2AToken: mocks.signA2AToken,",
    '"readToken","checkIfCodePointsMatchURLIdent","next"',
    "refresh_token: 'mock-refresh-token-67890',",
    'env: { CRM_TOKEN: "s3cret-token-value" },',
    "img.png?alt=media&#x26;token=43a73901-37a9-4cb9-a25c-fa01cf03baea",  # one file's own link
    "WebSocket connection to 'ws://localhost:443/?token=jO7Ajb-mg_iN' failed",
    "JWT_SECRET=aB3dF6hJ9kL2nP5sT8wZ1cE4gI7mQ0uX",  # three kinds in turn
    "https://db.internal/?token=credential1&password=credential2&x=1",
    "https://db.internal/?token=s%2Bcret&x=1",
    'newPassword: "longenough12"',
    '<a href="/docs/token">llama_3.2_vision_B9k2.png</a>',
    'postHogAPIKey = "phc_' + "aB3dE6gH9jK2mN5pQ8sT1vW4" * 2 + '"',
    'needs: ["tests-pass", "coverage-90"]',
    "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",  # in GitHub's documentation
    "# COORDINATION_SECRET=a1b2c3d4e5f6789012345678901234567890abcdef",
    'string WidgetToken = "WIDGET-SECRET-9f3";',
    "authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.test.fake'",
    "call(app, token, '/api/code/missions/01ARZ3NDEKTSV4RRFFQ69G5FAV')",
    'const STORAGE_KEY = "app5:last_capture_account_id"',
    "const accessToken = session2?.access_token",
    "hasApiKey: !!env.GOOGLE_TTS2_API_KEY,",
    "githubToken = *payload.GitHub2Token",
    "r'token: gh[pousr]_[A-Za-z0-9_]{36,}'",
    "password: 'SecurePass123!'",
    "password = scrub('?token=abcd1234secret&page=2')",
    "redact('password=hunter2 token=abc123def456')",
    "ENCRYPTION_KEY: 'dGVzdC1lbmNyeXB0aW9uLWtleS1iYXNlNjQ='",  # test-encryption-key-base64
    "AUTH_SECRET=generate-a-32-char-secret-here",
    'apiKey: "AIzaSyB' + "X" * 32 + '"',
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0."
    "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",  # of jwt.io
    "token = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyMTIzIn0'",  # not signed
    'regex: "-----BEGIN RSA PRIVATE KEY-----"\nseverity: critical',
    "https://docs.internal/models-xai-" + "aB3dE6gH9jK2mN5pQ8sT1vW4" * 4,
    "mysql -u root -p$DB_PASSWORD -P3306 prod",
    "docker run -p8080:80 --password-stdin registry1",
    'variable "tag_key" {\n  default = "environment-name-1"\n}',
    "mnemonic: test test test test test test test test test test test junk",
    "recovery plan: restart the nodes and then wait until they have come back with their data",
    "id = '550e8400-e29b-41d4-a716-446655440000'",
)


def patch_with(text: str, *, sign: str = "+", file: str = "conf/settings.py") -> bytes:
    """Return a patch that adds or removes a text."""
    lines = "".join(f"{sign}{line}\n" for line in text.split("\n"))
    head = (
        f"diff --git a/{file} b/{file}\nindex 1111111..2222222 100644\n--- a/{file}\n+++ b/{file}\n"
    )
    return f"{head}@@ -1,2 +1,9 @@\n import os\n{lines} x = 1\n".encode()
