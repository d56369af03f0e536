//! Digits at the edges of a piece that was cut out of a stream: the rest of a card number may stand in the next.
//!
//! A link that drops inside a message leaves the beginning of a number; bytes that break the framing are cut
//! wherever they happen to look like a frame. Such a piece passes no checksum, yet with its neighbour, or with
//! one guessed digit, it is the number. So digits that touch an edge are struck out, not replaced.

/// Fewer digits than this at an edge stay: what is missing of a card number is then more than can be guessed.
const FEWEST: usize = 5;

/// Strikes out digit runs (groups may be parted by single spaces or dashes) that touch an edge; whether any was.
pub(super) fn strike(bytes: &mut [u8]) -> bool {
    let front = run(bytes.iter());
    let back = run(bytes.iter().rev());
    let length = bytes.len();
    let mut struck = false;
    for (run, range) in [(front, 0..front.length), (back, length - back.length..length)] {
        if run.digits >= FEWEST {
            bytes[range].iter_mut().filter(|byte| byte.is_ascii_digit()).for_each(|digit| *digit = b'*');
            struck = true;
        }
    }
    struck
}

#[derive(Clone, Copy)]
struct Run {
    length: usize,
    digits: usize,
}

fn run<'a>(bytes: impl Iterator<Item = &'a u8>) -> Run {
    let mut found = Run { length: 0, digits: 0 };
    let mut parted = false;
    for byte in bytes {
        match byte {
            b'0'..=b'9' => {
                found.digits += 1;
                parted = false;
            }
            b' ' | b'-' if !parted => parted = true,
            _ => break,
        }
        found.length += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::strike;

    #[test]
    fn digits_that_touch_an_edge_are_struck_out() {
        for (piece, expected) in [
            ("", ""),
            ("4111", "4111"),
            ("41111", "*****"),
            ("4111111111111111", "****************"),
            (r#"{"card":"411111111111"#, r#"{"card":"************"#),
            ("1111 1111 1111\"}", "**** **** ****\"}"),
            ("1111-11x11-1111", "****-**x**-****"),
            ("1111  1111", "1111  1111"),
            ("a 12345678 b", "a 12345678 b"),
        ] {
            let mut bytes = piece.as_bytes().to_vec();
            let struck = strike(&mut bytes);
            assert_eq!(String::from_utf8_lossy(&bytes), expected);
            assert_eq!(struck, piece != expected, "{piece}");
        }
    }
}
