//! What a file that is no cassette may be instead, so that the error can say it.

/// What bytes that are no cassette look like to a person.
pub(super) fn looks_like(bytes: &[u8]) -> &'static str {
    let signatures: [(&[u8], &str); 9] = [
        (b"\x1f\x8b", "a gzip file"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x7fELF", "a program"),
        (b"\x89PNG", "a PNG image"),
        (b"%PDF", "a PDF document"),
        (b"\xd4\xc3\xb2\xa1", "a packet capture (pcap)"),
        (b"\x0a\x0d\x0d\x0a", "a packet capture (pcapng)"),
        (b"+++", "a rule page"),
        (b"\xff\xfe", "UTF-16 text"),
    ];
    if let Some((_, name)) = signatures.iter().find(|(start, _)| bytes.starts_with(start)) {
        return name;
    }
    let text = bytes.trim_ascii_start();
    let start = &text[..text.len().min(400)];
    if memchr::memmem::find(start, b"\"log\"").is_some()
        && memchr::memmem::find(start, b"\"creator\"").is_some()
    {
        "an HTTP archive (HAR)"
    } else if text.starts_with(b"{") || text.starts_with(b"[") {
        "JSON of another kind"
    } else if text.starts_with(b"<") {
        "XML or HTML"
    } else if start.is_ascii() {
        "plain text"
    } else {
        "binary data"
    }
}
