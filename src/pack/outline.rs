//! Messages by their outline: the text of a message without its strings and numbers, learnt from messages before.
//!
//! A protocol has few outlines, and its messages come in one of them again and again. What stands between two
//! values is then compared as a whole, keys, brackets and white space together; only the values themselves are
//! read. A text of an outline that is not known, or that is no JSON, is scanned by the [`Trie`]: what is
//! noted of a message is the same on either way.

use super::extract::{Extract, NONE, Slot};
use super::trie::{Node, Trie};
use crate::text::json::{JsonError, Kind};
use crate::text::scan;

/// The outlines known so far, as a tree: messages that begin alike share what they begin with.
#[derive(Debug, Default)]
pub struct Outlines {
    steps: Vec<Step>,
    /// What stands between values, one after the other.
    between: Vec<u8>,
    marks: Vec<Mark>,
}

/// From behind one value to the next, and over that.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// What stands before the value, up to the quote of a string and with it: how long it is, and where it is in
    /// `between`.
    length: u32,
    start: u32,
    /// Its first bytes, and which bits of them count.
    head: [u64; HEAD / 8],
    mask: [u64; HEAD / 8],
    value: Value,
    /// Where the value is noted.
    slot: u16,
    /// Where in the trie it is, if a schema has more to say of it than its type.
    node: u32,
    /// What happens in what stands between, in `marks`.
    marks: (u32, u16),
    /// The first of the steps that may follow.
    next: u32,
    /// Another step instead of this one.
    other: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    String,
    Number,
    /// None: the text ends.
    End,
}

/// What is noted between two values, so many bytes behind its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// A container or a word starts.
    Begin(Slot, Kind, u32),
    /// What was noted under that number ends.
    End(u32, u32),
}

/// Bytes of what stands between two values that are compared at once.
const HEAD: usize = 32;

/// Steps that are learnt at most.
const MOST_STEPS: usize = 8_192;

/// Steps that may follow one, or begin a message: they are tried one after the other.
const MOST_OTHERS: usize = 64;

/// Steps of one message.
const MOST_OF_ONE: usize = 256;

/// Bytes of a message that is learnt.
const LONGEST: usize = 16 << 10;

/// Levels of a message that is learnt.
const DEEPEST: usize = 32;

/// Bytes between values that are kept at most, of all outlines.
const MOST_BYTES: usize = 1 << 20;

/// A value that is not noted.
const NO_SLOT: u16 = u16::MAX;

impl Outlines {
    /// As [`Trie::scan`]. Always of the same trie.
    pub fn scan(&mut self, trie: &Trie, text: &str, out: &mut Extract) -> Result<(), JsonError> {
        if self.follow(trie, text, out) {
            return Ok(());
        }
        trie.scan(text, out)?;
        if self.steps.len() < MOST_STEPS
            && self.between.len() < MOST_BYTES
            && text.len() <= LONGEST
            && out.duplicate().is_none()
            && out.doubts == trie.grafted.left_out()
        {
            self.learn(trie, text);
        }
        Ok(())
    }

    /// Reads a text of an outline that is known; `false` where it is of none.
    fn follow(&self, trie: &Trie, text: &str, out: &mut Extract) -> bool {
        out.clear(trie.len());
        out.doubts = trie.grafted.left_out();
        let bytes = text.as_bytes();
        let mut at = 0;
        let mut next = if self.steps.is_empty() { NONE } else { 0 };
        loop {
            let Some(step) = self.steps.get(next as usize) else { return false };
            if !step.begins(&self.between, bytes, at) {
                next = step.other;
                continue;
            }
            let start = at + step.length as usize;
            if step.marks.1 > 0 {
                let marks = &self.marks[step.marks.0 as usize..][..usize::from(step.marks.1)];
                note(marks, at, out);
            }
            let (from, kind) = match step.value {
                Value::String => match scan::string(bytes, start) {
                    Ok(end) => {
                        at = end.at + 1;
                        (start - 1, Kind::String)
                    }
                    Err(_) => return false,
                },
                Value::Number => match scan::number(bytes, start) {
                    Ok(end) => {
                        at = end;
                        (start, Kind::Number)
                    }
                    Err(_) => return false,
                },
                Value::End => {
                    out.outline = Some(next);
                    return true;
                }
            };
            if step.slot != NO_SLOT {
                out.note(Slot(step.slot), kind, from, at);
            }
            if step.node != NONE {
                trie.see_at(step.node, text, kind, (from, at), out);
            }
            next = step.next;
        }
    }

    /// Learns the outline of a message that was scanned and has no key twice and nothing a schema complains of.
    #[cold]
    fn learn(&mut self, trie: &Trie, text: &str) {
        let mut lesson =
            Lesson { trie, text, at: 0, start: 0, noted: 0, steps: Vec::new(), marks: Vec::new() };
        if lesson.value(Some(0), 0).is_none() {
            return;
        }
        lesson.at = text.len();
        lesson.step(Value::End, NO_SLOT, NONE);
        if lesson.steps.len() > MOST_OF_ONE {
            return;
        }
        let mut before: Option<usize> = None;
        for learnt in lesson.steps {
            let first = match before {
                Some(before) => self.steps[before].next,
                None if self.steps.is_empty() => NONE,
                None => 0,
            };
            let known = self.known(first, &learnt, text);
            if known.is_none() && self.others(first).count() >= MOST_OTHERS {
                return;
            }
            before = Some(known.unwrap_or_else(|| self.add(before, &learnt, text)));
        }
    }

    /// The step among these siblings that is the one learnt.
    fn known(&self, first: u32, learnt: &Learnt, text: &str) -> Option<usize> {
        let between = &text.as_bytes()[learnt.start..learnt.end];
        self.others(first).find(|&index| {
            let step = &self.steps[index];
            step.text(&self.between) == between && step.value == learnt.value
        })
    }

    /// This step and those that are tried after it.
    fn others(&self, first: u32) -> impl Iterator<Item = usize> {
        let there = |index: u32| Some(index as usize).filter(|&index| index < self.steps.len());
        std::iter::successors(there(first), move |&index| there(self.steps[index].other))
    }

    /// Adds what was learnt behind a step, or as another beginning.
    fn add(&mut self, before: Option<usize>, learnt: &Learnt, text: &str) -> usize {
        let index = self.steps.len();
        let marks = (self.marks.len() as u32, learnt.marks.len() as u16);
        self.marks.extend(&learnt.marks);
        let start = self.between.len() as u32;
        let between = &text.as_bytes()[learnt.start..learnt.end];
        self.between.extend(between);
        let (mut head, mut mask) = ([0; HEAD], [0; HEAD]);
        let count = between.len().min(HEAD);
        head[..count].copy_from_slice(&between[..count]);
        mask[..count].fill(u8::MAX);
        let place = match before {
            Some(before) => Some(&mut self.steps[before].next),
            // Another beginning stands behind the first one.
            None => self.steps.first_mut().map(|first| &mut first.other),
        };
        let other = place.map_or(NONE, |place| std::mem::replace(place, index as u32));
        self.steps.push(Step {
            start,
            length: between.len() as u32,
            head: words(&head),
            mask: words(&mask),
            value: learnt.value,
            slot: learnt.slot,
            node: learnt.node,
            marks,
            next: NONE,
            other,
        });
        index
    }
}

impl Step {
    /// Whether what stands before the value stands in `bytes` at `at`, and such a value may follow.
    #[inline(always)]
    fn begins(&self, between: &[u8], bytes: &[u8], at: usize) -> bool {
        let length = self.length as usize;
        let Some(rest) = bytes.get(at..) else { return false };
        match rest.first_chunk::<HEAD>() {
            Some(head) => {
                let head = words(head);
                let differs = |index: usize| (head[index] ^ self.head[index]) & self.mask[index];
                if differs(0) | differs(1) | differs(2) | differs(3) != 0 {
                    return false;
                }
                if length > HEAD && !self.goes_on(between, rest) {
                    return false;
                }
            }
            None if !rest.starts_with(self.text(between)) => return false,
            None => {}
        }
        match self.value {
            Value::String => true,
            Value::Number => matches!(rest.get(length), Some(b'-' | b'0'..=b'9')),
            Value::End => length == rest.len(),
        }
    }

    #[inline(never)]
    fn goes_on(&self, between: &[u8], rest: &[u8]) -> bool {
        rest.starts_with(self.text(between))
    }

    /// What stands before the value.
    fn text<'b>(&self, between: &'b [u8]) -> &'b [u8] {
        &between[self.start as usize..][..self.length as usize]
    }
}

#[inline(always)]
fn words(bytes: &[u8; HEAD]) -> [u64; HEAD / 8] {
    let (words, _) = bytes.as_chunks::<8>();
    let word = |index: usize| u64::from_le_bytes(words[index]);
    [word(0), word(1), word(2), word(3)]
}

#[inline]
fn note(marks: &[Mark], at: usize, out: &mut Extract) {
    for &mark in marks {
        match mark {
            Mark::Begin(slot, kind, offset) => {
                out.begin(slot, kind, at + offset as usize);
            }
            Mark::End(found, offset) => out.end(found, at + offset as usize),
        }
    }
}

/// A message that is learnt, walked from its start to its end.
struct Lesson<'a> {
    trie: &'a Trie,
    text: &'a str,
    at: usize,
    /// Where the step begins.
    start: usize,
    /// How many values were noted.
    noted: u32,
    steps: Vec<Learnt>,
    marks: Vec<Mark>,
}

/// A step of one message.
struct Learnt {
    start: usize,
    end: usize,
    value: Value,
    slot: u16,
    node: u32,
    marks: Vec<Mark>,
}

impl Lesson<'_> {
    /// Walks over the value at hand, which stands at `node` of the trie; `None` where it is not to be learnt.
    fn value(&mut self, node: Option<u32>, depth: usize) -> Option<()> {
        let bytes = self.text.as_bytes();
        self.at = scan::space(bytes, self.at);
        let node = node.map(|node| &self.trie.nodes[node as usize]);
        let kind = super::trie::kind(bytes, self.at).ok()?;
        let slot = node.and_then(|node| node.slot);
        match kind {
            Kind::String | Kind::Number => return self.scalar(kind, node),
            Kind::True | Kind::False | Kind::Null => {
                // Its shape may ask for one of them only.
                if node.is_some_and(Node::asks_for_values) {
                    return None;
                }
                let found = self.begin(slot, kind);
                self.at = scan::value(self.text, self.at, depth).ok()?;
                self.end(found);
                return Some(());
            }
            Kind::Object | Kind::Array => {}
        }
        if depth == DEEPEST || node.is_some_and(Node::asks_for_values) {
            return None;
        }
        let found = self.begin(slot, kind);
        self.at = scan::space(bytes, self.at + 1);
        let mut index = 0;
        while !matches!(bytes.get(self.at)?, b'}' | b']') {
            if index > 0 {
                self.at = scan::space(bytes, self.at + 1);
            }
            let child = match kind {
                Kind::Object => self.name(node)?,
                _ => node.and_then(|node| node.elements.or_else(|| node.element(index))),
            };
            self.value(child, depth + 1)?;
            self.at = scan::space(bytes, self.at);
            index += 1;
        }
        self.at += 1;
        self.end(found);
        Some(())
    }

    /// Walks over a name and its colon; gives the place in the trie that it leads to.
    fn name(&mut self, node: Option<&Node>) -> Option<Option<u32>> {
        let bytes = self.text.as_bytes();
        let end = scan::string(bytes, self.at + 1).ok()?;
        if end.escaped {
            return None;
        }
        let name = self.text.get(self.at + 1..end.at)?;
        self.at = scan::space(bytes, end.at + 1) + 1;
        Some(node.and_then(|node| Some(node.children[node.names.position(name)?].node)))
    }

    fn scalar(&mut self, kind: Kind, node: Option<&Node>) -> Option<()> {
        let bytes = self.text.as_bytes();
        let slot = node.and_then(|node| node.slot);
        let seen = node.filter(|node| node.asks_for_values());
        let index = seen.and_then(|seen| self.trie.nodes.iter().position(|node| std::ptr::eq(node, seen)));
        let (value, end) = match kind {
            Kind::String => {
                self.at += 1;
                (Value::String, scan::string(bytes, self.at).ok()?.at + 1)
            }
            _ => (Value::Number, scan::number(bytes, self.at).ok()?),
        };
        self.step(value, slot.map_or(NO_SLOT, |slot| slot.0), index.map_or(NONE, |index| index as u32));
        self.noted += u32::from(slot.is_some());
        self.at = end;
        self.start = end;
        Some(())
    }

    fn step(&mut self, value: Value, slot: u16, node: u32) {
        let marks = std::mem::take(&mut self.marks);
        self.steps.push(Learnt { start: self.start, end: self.at, value, slot, node, marks });
    }

    /// Notes that a container or a word starts.
    fn begin(&mut self, slot: Option<Slot>, kind: Kind) -> Option<u32> {
        let slot = slot?;
        self.marks.push(Mark::Begin(slot, kind, (self.at - self.start) as u32));
        self.noted += 1;
        Some(self.noted - 1)
    }

    fn end(&mut self, found: Option<u32>) {
        let offset = (self.at - self.start) as u32;
        self.marks.extend(found.map(|found| Mark::End(found, offset)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Sources, load};
    use super::*;

    const TEXTS: [&str; 9] = [
        r#"{"request":{"flow_id":"a1","resource":{"type":"sale","amount":1250,"tender_type":"credit"}}}"#,
        r#"{"response":{"flow_id":"a1","resource":{"status":"started"}}}"#,
        r#"{"event":{"flow_id":"a1","resource":{"status":"completed","results":[{"type":"sale","status":"approved","total_amount":"1250","reference_no":"7","card":{"account_no":"************1117"}}]}}}"#,
        r#"{"event":{"flow_id":"a1","resource":{"status":"completed","results":[{"type":"sale"},{"type":"void","x":[1,[true],null]}]}}}"#,
        "{ \"event_ack\" : {\n\t\"flow_id\":\"a1\", \"resource\":{\"status\":\"ok\"} } } ",
        r#"{"request":{"flow_id":-1.5e3,"resource":{"type":"sa\u006ce","amount":null,"amount2":false,"x":{},"y":[]}}}"#,
        r#"{"flow_id":"a1","flow_id":"a2","\u0061":1}"#,
        r#"[{"a":1},"request",true,0]"#,
        r#""started""#,
    ];

    /// Scans with and without outlines; both note the same, or find the same fault.
    fn compare(trie: &Trie, outlines: &mut Outlines, text: &str) {
        let (mut learnt, mut plain) = (Extract::default(), Extract::default());
        assert_eq!(outlines.scan(trie, text, &mut learnt), trie.scan(text, &mut plain), "{text}");
        if trie.scan(text, &mut plain).is_ok() {
            assert_eq!(learnt.values(), plain.values(), "{text}");
            assert_eq!((learnt.doubts, learnt.duplicate()), (plain.doubts, plain.duplicate()), "{text}");
        }
    }

    #[test]
    fn what_is_noted_is_the_same_whether_an_outline_is_known_or_not() {
        for pack in ["bluechip-tsi", "gochip"] {
            let pack = load(&Sources::embedded(), pack).unwrap();
            let mut outlines = Outlines::default();
            let mut state = 0x9e37_79b9_7f4a_7c15_u64;
            let mut random = |below: usize| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as usize % below
            };
            for round in 0..30_000 {
                let mut bytes = TEXTS[random(TEXTS.len())].as_bytes().to_vec();
                for _ in 0..round % 4 {
                    let at = random(bytes.len().max(2) - 1);
                    match random(4) {
                        0 => bytes[at] = br#"{}[]",:\ 0tn-"#[random(13)],
                        1 if bytes.len() > 2 => drop(bytes.remove(at)),
                        2 => bytes.insert(at, bytes[random(bytes.len())]),
                        _ => bytes.truncate(at.max(1)),
                    }
                }
                if let Ok(text) = str::from_utf8(&bytes) {
                    compare(&pack.trie, &mut outlines, text);
                }
            }
            assert!(outlines.steps.len() > 100);
        }
    }

    #[test]
    fn a_known_outline_is_followed_and_another_is_not() {
        let pack = load(&Sources::embedded(), "bluechip-tsi").unwrap();
        let (mut outlines, mut out) = (Outlines::default(), Extract::default());
        for text in &TEXTS[..5] {
            assert!(!outlines.follow(&pack.trie, text, &mut out), "{text}");
            outlines.scan(&pack.trie, text, &mut out).unwrap();
            assert!(outlines.follow(&pack.trie, text, &mut out), "{text}");
            assert!(outlines.follow(&pack.trie, &text.replace("a1", "another"), &mut out), "{text}");
            assert!(!outlines.follow(&pack.trie, &text[..text.len() - 1], &mut out), "{text}");
            assert!(!outlines.follow(&pack.trie, &format!("{text},"), &mut out), "{text}");
        }
        // A key that stands there twice, or a value of a type that the schema does not allow, is never learnt.
        let steps = outlines.steps.len();
        outlines.scan(&pack.trie, TEXTS[6], &mut out).unwrap();
        assert_eq!(outlines.steps.len(), steps);
    }

    #[test]
    fn what_is_learnt_is_bounded() {
        let pack = load(&Sources::embedded(), "bluechip-tsi").unwrap();
        let (mut outlines, mut out) = (Outlines::default(), Extract::default());
        for number in 0..20_000 {
            outlines.scan(&pack.trie, &format!("{{\"x{number}\":1}}"), &mut out).unwrap();
        }
        // Whoever sends ever other messages makes no message cost more than these few looks.
        assert_eq!(outlines.others(0).count(), MOST_OTHERS);
        let mut outlines = Outlines::default();
        for number in 0..20_000 {
            let (a, b, c) = (number % 50, number / 50 % 50, number / 2_500);
            outlines
                .scan(&pack.trie, &format!("[1,{{\"a{a}\":1,\"b{b}\":1,\"c{c}\":1}}]"), &mut out)
                .unwrap();
        }
        assert!((MOST_STEPS..MOST_STEPS + MOST_OF_ONE).contains(&outlines.steps.len()));
        let many = format!("[{}]", vec!["1"; 1_000].join(","));
        outlines.scan(&pack.trie, &many, &mut out).unwrap();
        let mut outlines = Outlines::default();
        for number in 0..300 {
            let (spaces, a) = (" ".repeat(8 << 10), number % 50);
            let text = format!("{{\"a{a}\":1,{spaces}\"y{number}\":1}}");
            outlines.scan(&pack.trie, &text, &mut out).unwrap();
        }
        assert!((MOST_BYTES..MOST_BYTES + LONGEST).contains(&outlines.between.len()));
    }
}
