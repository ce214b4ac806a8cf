//! Two outputs are the same when they differ only in what differs on every run.

/// Shortest run of base64url characters that is taken for a token.
const TOKEN_LEAST: usize = 40;

/// Replaces what differs on every run by its shape. Identifiers and tokens are numbered in the order they first
/// appear, over the whole tour, so that one that README.md shows twice must be printed twice as well.
#[derive(Clone, Debug, Default)]
pub(super) struct Shapes {
    seen: Vec<String>,
}

impl Shapes {
    pub(super) fn of(&mut self, lines: &[String]) -> Vec<String> {
        lines.iter().map(|line| self.shape(line)).collect()
    }

    fn shape(&mut self, line: &str) -> String {
        // Go's JSON printer puts one or two blanks after a colon, at the whim of the build.
        let line = line.trim_end().replace("\":  ", "\": ");
        let mut out = String::new();
        let mut rest = line.as_str();
        let mut in_word = false;
        while let Some(c) = rest.chars().next() {
            let found = if in_word { None } else { volatile(rest) };
            if let Some((kind, length)) = found {
                let (text, after) = rest.split_at(length);
                out.push_str(&match kind {
                    Kind::Time => "<time>".to_owned(),
                    Kind::Uuid => format!("<uuid {}>", self.number(text)),
                    Kind::Token => format!("<token {}>", self.number(text)),
                });
                rest = after;
            } else {
                in_word = c.is_ascii_alphanumeric();
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        out
    }

    fn number(&mut self, text: &str) -> usize {
        if let Some(at) = self.seen.iter().position(|known| known == text) {
            return at + 1;
        }
        self.seen.push(text.to_owned());
        self.seen.len()
    }
}

enum Kind {
    Uuid,
    Time,
    Token,
}

/// What `rest` starts with, if that differs on every run, and its length in bytes.
fn volatile(rest: &str) -> Option<(Kind, usize)> {
    let bytes = rest.as_bytes();
    if fits(bytes, "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh")
        && !bytes.get(36).is_some_and(u8::is_ascii_alphanumeric)
    {
        return Some((Kind::Uuid, 36));
    }
    if let Some(length) = time(bytes) {
        return Some((Kind::Time, length));
    }
    let token = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=');
    let length = bytes.iter().take_while(token).count();
    (length >= TOKEN_LEAST).then_some((Kind::Token, length))
}

/// The length of an RFC 3339 time.
fn time(bytes: &[u8]) -> Option<usize> {
    let mut length = "dddd-dd-ddTdd:dd:dd".len();
    if !fits(bytes, "dddd-dd-ddTdd:dd:dd") {
        return None;
    }
    if bytes.get(length) == Some(&b'.') {
        length += 1 + bytes[length + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    }
    let zone = &bytes[length..];
    match zone.first()? {
        b'Z' => Some(length + 1),
        b'+' | b'-' if fits(&zone[1..], "dd:dd") => Some(length + 6),
        _ => None,
    }
}

/// Whether `bytes` start as `pattern` says: `d` a digit, `h` a hexadecimal digit, the rest itself.
fn fits(bytes: &[u8], pattern: &str) -> bool {
    let fit = |(byte, wanted): (&u8, u8)| match wanted {
        b'd' => byte.is_ascii_digit(),
        b'h' => byte.is_ascii_hexdigit(),
        wanted => *byte == wanted,
    };
    bytes.len() >= pattern.len() && bytes.iter().zip(pattern.bytes()).all(fit)
}

/// Both outputs line by line, `-` what README.md shows, `+` what was printed; enough for outputs of this size.
pub(super) fn difference(shown: &[String], printed: &[String]) -> String {
    let before = shown.iter().zip(printed).take_while(|(a, b)| a == b).count();
    let most_after = shown.len().min(printed.len()) - before;
    let after =
        shown.iter().rev().zip(printed.iter().rev()).take(most_after).take_while(|(a, b)| a == b).count();
    let mut out = String::new();
    let mut add = |mark: &str, lines: &[String]| {
        for line in lines {
            out.push_str(&format!("  {mark} {line}\n"));
        }
    };
    add(" ", &shown[..before]);
    add("-", &shown[before..shown.len() - after]);
    add("+", &printed[before..printed.len() - after]);
    add(" ", &shown[shown.len() - after..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(line: &str) -> String {
        Shapes::default().shape(line)
    }

    #[test]
    fn knows_what_differs_on_every_run_by_its_shape() {
        let cases = [
            (r#""id": "01980a3c-7b1e-7c4d-9f00-0123456789ab","#, r#""id": "<uuid 1>","#),
            (r#"  "createTime":  "2026-11-24T10:45:00.123456Z""#, r#"  "createTime": "<time>""#),
            ("at 2026-11-24T10:45:00+01:00.", "at <time>."),
            ("Bearer xNmVfJqkT2Yb3mJ9c8s0LrP-7dA_4gHwQeZuI1oXyKE=", "Bearer <token 1>"),
            ("xNmVfJqkT2Yb3mJ9c8s0LrP-7dA_4gHwQeZuI1o", "xNmVfJqkT2Yb3mJ9c8s0LrP-7dA_4gHwQeZuI1o"),
            ("01980a3c-7b1e-7c4d-9f00-0123456789abc", "01980a3c-7b1e-7c4d-9f00-0123456789abc"),
            ("2026-11-24T10:45:00 龚磊", "2026-11-24T10:45:00 龚磊"),
            ("", ""),
        ];
        for (line, expected) in cases {
            assert_eq!(shape(line), expected);
        }
    }

    #[test]
    fn an_identifier_shown_twice_must_be_printed_twice() {
        let (a, b) = ("01980a3c-7b1e-7c4d-9f00-0123456789ab", "01980a3c-7b1e-7c4d-9f00-0123456789ac");
        let shapes = |lines: [&str; 3]| Shapes::default().of(&lines.map(str::to_owned));
        assert_eq!(shapes([a, b, a]), shapes([b, a, b]));
        assert_ne!(shapes([a, b, a]), shapes([a, b, b]));
    }

    #[test]
    fn shows_a_difference_between_the_lines_around_it() {
        let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(difference(&lines("{ a }"), &lines("{ b c }")), "    {\n  - a\n  + b\n  + c\n    }\n");
        assert_eq!(difference(&lines("a a"), &lines("a")), "    a\n  - a\n");
    }
}
