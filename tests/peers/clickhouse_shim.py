"""ClickHouse's HTTP interface over the embedded engine chdb, for qryn alone.

usage: clickhouse_shim.py PORT
"""

import http.server
import re
import sys
import threading
import urllib.parse

from chdb import session

ENGINE = session.Session()
LOCK = threading.Lock()
FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().strip() or b"0", 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer(body)

    def answer(self, body):
        parameters = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        sql = parameters.get("query", "")
        sql = f"{sql}\n{body.decode()}" if sql else body.decode()
        if not sql.strip():
            return self.say(200, b"Ok.\n")
        found = FORMAT.search(sql)
        is_insert = sql.lstrip().upper().startswith("INSERT")
        name = found.group(1) if found and not is_insert else parameters.get("default_format", "TabSeparated")
        try:
            with LOCK:
                if database := parameters.get("database"):
                    ENGINE.query(f"CREATE DATABASE IF NOT EXISTS {database}")
                    ENGINE.query(f"USE {database}")
                result = ENGINE.query(FORMAT.sub("", sql) if found and not is_insert else sql, name)
            self.say(200, str(result).encode())
        except Exception as error:
            print(f"{error}\n  in: {sql[:600]}", file=sys.stderr, flush=True)
            self.say(500, str(error).encode())

    def say(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
