"""The classes of errors that the end of a log is read for: a table. To add a class is to add an entry.

What a class says is also what facts tell as the message of a container that exited for it, so that rules for the
messages of Kubernetes and for logs are the same.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogClass:
    """One kind of error.

    Attributes:
        name: recorded in `log.class`.
        says: the clause by which most programs say it.
        words: one of them is in every such line, in lower case: most lines are told apart without an expression.
        shapes: expressions for a line in lower case, of which one fits.
        names: what the line may name: `peer`, `lookup`, `port`, `file`, `setting`, `variable` or `exception`.
    """

    name: str
    says: str
    words: tuple[str, ...]
    shapes: tuple[str, ...]
    names: tuple[str, ...] = ()


LOG_CLASSES: tuple[LogClass, ...] = (
    # In this order: a line is of the first class that it fits. What a server answered says more than a lost connection.
    LogClass(
        "certificate_expired",
        "certificate has expired",
        ("cert",),
        (r"certificate (?:has|is) expired", r"certificate has expired or is not yet valid", r"cert_has_expired"),
        ("peer",),
    ),
    LogClass(
        "certificate_untrusted",
        "certificate is not trusted",
        ("certificat",),
        (
            r"certificate signed by unknown authority",
            r"self[- ]signed certificate",
            r"certificate[_ ]verify[_ ]failed",
            r"unable to (?:verify the first|get local issuer) certificate",
            r"unable to find valid certification path",
            r"x509: certificate is (?:not )?valid for",
        ),
        ("peer",),
    ),
    LogClass(
        "eviction_refused",
        "cannot evict the pod: it would violate its disruption budget",
        ("evict",),
        (
            r"violates? (?:the|its|a) pod'?s?(?: |')disruption ?budget",
            r"violate.{0,40}disruption budget",
            r"cannot evict pod",
        ),
    ),
    LogClass(
        "authentication_failed",
        "authentication failed",
        (
            "authenti",
            "denied",
            "credential",
            "username",
            "password",
            "user",
            "api",
            "token",
            "wrongpass",
            "noauth",
            "login",
            "28p01",
            "401",
        ),
        (
            r"(?:password )?authentication (?:has )?failed",
            r"authentication .{0,60}(?:rejected|refused|denied)",
            r"access denied for user",
            r"credentials? (?:were |are |was |is )?(?:not accepted|rejected|refused|invalid)",
            r"(?:invalid|wrong|bad|incorrect) (?:username|user|password|credential|api[ -]?key|token)",
            r"wrongpass|noauth authentication|login failed for|28p01",
            r"\b401 unauthorized|unauthorized \(401\)|status(?: code)?[ :=]+401\b",
        ),
        ("peer",),
    ),
    LogClass(
        "forbidden",
        "403 forbidden",
        (
            "403",
            "forbidden",
        ),
        (r"\b403 forbidden|forbidden: user|is forbidden:|status(?: code)?[ :=]+403\b",),
        ("peer",),
    ),
    LogClass(
        "connections_exhausted",
        "too many connections",
        (
            "connection",
            "clients",
        ),
        (
            r"too many (?:clients already|connections)",
            r"connection slots are reserved",
            r"max number of clients reached",
            r"no more connections allowed",
            r"max_user_connections",
        ),
        ("peer",),
    ),
    LogClass(
        "database_read_only",
        "in a read-only transaction",
        (
            "read",
            "notwritable",
        ),
        (
            r"in a read-only transaction",
            r"--(?:super-)?read-only option",
            r"readonly you can.t write",
            r"readonly database",
            r"notwritableprimary",
        ),
        ("peer",),
    ),
    LogClass(
        "name_not_resolved",
        "no such host",
        (
            "host",
            "resol",
            "name",
            "misbehaving",
            "enotfound",
            "eai_again",
            "getaddrinfo",
        ),
        (
            r"no such host",
            r"temporary failure in name resolution",
            r"name or service not known",
            r"name does not resolve",
            r"nodename nor servname",
            r"could not (?:translate host name|resolve host)",
            r"host not found in upstream",
            r"server misbehaving",
            r"getaddrinfo (?:failed|enotfound|eai_again)|\beai_again\b|\benotfound\b",
            r"unknownhostexception",
        ),
        ("lookup",),
    ),
    LogClass(
        "connection_refused",
        "connection refused",
        (
            "refused",
            "(111",
        ),
        (
            r"connection refused",
            r"econnrefused",
            r"actively refused",
            r"connection to [\w.:\[\]-]{1,260} refused",
            r"can't connect to mysql server on .{0,260}\(111",
        ),
        ("peer",),
    ),
    LogClass(
        "unreachable",
        "no route to host",
        (
            "route to host",
            "unreach",
        ),
        (r"no route to host|ehostunreach", r"network is unreachable|enetunreach"),
        ("peer",),
    ),
    LogClass(
        "address_in_use",
        "address already in use",
        (
            "in use",
            "inuse",
            "already",
        ),
        (r"address already in use", r"eaddrinuse", r"bind.{0,40}in use", r"port \d+ is already (?:in use|allocated)"),
        ("port",),
    ),
    LogClass(
        "read_only_file_system",
        "read-only file system",
        (
            "read-only",
            "erofs",
        ),
        (r"read-only file ?system", r"\berofs\b"),
        ("file",),
    ),
    LogClass(
        "no_space",
        "no space left on device",
        (
            "space",
            "quota",
        ),
        (r"no space left on device", r"\benospc\b", r"disk quota exceeded"),
        ("file",),
    ),
    LogClass(
        "descriptors_exhausted",
        "too many open files",
        (
            "open files",
            "mfile",
            "nfile",
        ),
        (r"too many open files", r"\bemfile\b|\benfile\b"),
    ),
    LogClass(
        "processes_exhausted",
        "pthread_create failed",
        (
            "fork",
            "thread",
        ),
        (
            r"fork.{0,60}resource temporarily unavailable",
            r"can.t start new thread",
            r"unable to create (?:new )?native thread",
            r"pthread_create failed",
            r"failed to create new os thread",
        ),
    ),
    LogClass(
        "out_of_memory",
        "out of memory",
        (
            "memory",
            "bad_alloc",
        ),
        (
            r"out of memory",
            r"outofmemoryerror",
            r"cannot allocate memory|\benomem\b",
            r"\bmemoryerror\b",
            r"std::bad_alloc|memory allocation of \d+ bytes failed",
        ),
    ),
    LogClass(
        "permission_denied",
        "permission denied",
        (
            "denied",
            "acces",
            "eperm",
            "permitted",
        ),
        (r"permission denied", r"\beacces\b|\beperm\b", r"operation not permitted", r"accessdeniedexception"),
        ("file",),
    ),
    LogClass(
        "variable_missing",
        "environment variable is not set",
        (
            "variable",
            "env",
            "keyerror",
            "not set",
            "must be",
            "not defined",
            "unset",
        ),
        (
            r"environment variable.{0,80}(?:not set|missing|required|not defined|undefined|not found|empty|unset)",
            r"(?:missing|required|undefined|unset|no) (?:required )?(?:environment|env)(?: |_)?var",
            r"keyerror: '[a-z][a-z0-9]*_[a-z0-9_]+'",
            r"\b[a-z][a-z0-9]*_[a-z0-9_]+ (?:(?:is|was) (?:not |un)|must be )(?:set|defined)\b",
            r": unbound variable|parameter not set",
        ),
        ("variable",),
    ),
    LogClass(
        "configuration_invalid",
        "invalid configuration",
        (
            "config",
            "yaml",
            "json",
            "toml",
            "ini: ",
            "xml",
            "emerg",
            "unrecognized",
            "unknown",
            "flag",
        ),
        (
            r"invalid config(?:uration)?\b",
            r"(?:bad|malformed|broken) config(?:uration)?\b",
            r"config(?:uration)?(?: file)? (?:error|is invalid|is not valid)",
            r"(?:cannot|can't|not|failed to|unable to|error) (?:pars|load|read|decod)(?:e|ing)? .{0,60}config",
            r"(?:yaml|json|toml|ini|xml): .{0,80}(?:error|line \d+|unmarshal|unexpected|cannot)",
            r"(?:yaml|json|toml)\.?(?:decode|parser|scanner|parse)error",
            r"\[emerg\] ",
            r"unrecognized (?:configuration parameter|option|argument)|unknown (?:directive|option|flag|argument)",
            r"flag provided but not defined",
        ),
        ("setting", "file"),
    ),
    LogClass(
        "no_such_file",
        "no such file or directory",
        (
            "no such file",
            "enoent",
            "filenotfound",
            "nosuchfile",
            "shared object",
            "find",
        ),
        (
            r"no such file or directory",
            r"\benoent\b",
            r"filenotfounderror|filenotfoundexception|nosuchfileexception",
            r"cannot open shared object file",
            r"(?:cannot|can't|could not) find (?:the )?(?:file|module)",
        ),
        ("file",),
    ),
    LogClass(
        "timed_out",
        "connection timed out",
        (
            "time",
            "deadline",
        ),
        (
            r"i/o timeout",
            r"(?:connection|connect|read|request|operation) timed out",
            r"etimedout|sockettimeoutexception",
            r"context deadline exceeded|deadline_exceeded",
            r": timed out\b|timeout expired",
        ),
        ("peer",),
    ),
    LogClass(
        "connection_lost",
        "connection reset by peer",
        ("reset", "pipe", "eof", "hang up", "closed"),
        (
            r"connection reset by peer|econnreset",
            r"broken pipe|\bepipe\b",
            r"unexpected eof|: eof\b",
            r"socket hang up|server closed the connection unexpectedly",
        ),
        ("peer",),
    ),
    LogClass(
        "server_error",
        "status 503",
        ("50", "unavailable", "bad gateway", "internal server"),
        (
            r"status(?: code)?[ :=]+50[0-4]\b",
            r"\b50[0-4] (?:internal server error|bad gateway|service (?:temporarily )?unavailable|gateway time-?out)",
        ),
        ("peer",),
    ),
    LogClass(
        "crashed",
        "panic",
        (
            "panic",
            "fatal error",
            "segmentation",
            "sigsegv",
            "core dumped",
            "assertion",
            "unhandled",
            "uncaught",
        ),
        (
            r"^panic: |\bpanicked at\b",
            r"^fatal error: ",
            r"segmentation fault|sigsegv",
            r"core dumped|assertion.{0,120}failed",
            r"unhandled (?:exception|promise rejection)|uncaught exception",
        ),
        ("exception",),
    ),
    LogClass(
        "exception",
        "exception",
        (
            "error",
            "exception",
            "caused by",
        ),
        (r"[a-z0-9_](?:error|exception)(?::|$)", r"^exception in thread", r"^caused by: "),
        ("exception",),
    ),
)
LOG_CLASS_BY_NAME = {one.name: one for one in LOG_CLASSES}
