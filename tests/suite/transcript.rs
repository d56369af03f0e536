//! The transcript from the outside: what is rendered reads back, and what cannot be read is named.

use proptest::prelude::*;
use rstest::rstest;
use tilltape::conversation::transcript::{Aliases, Detail, Transcript, Volatile, parse, render};

use crate::events;

proptest! {
    #[test]
    fn an_exact_transcript_reads_back_to_the_same_events(events in events::recording()) {
        let text = render(&events, Detail::Exact);
        let read = parse(&text);
        prop_assert_eq!(read.as_ref(), Ok(&events), "{}", text);
    }

    #[test]
    fn a_brief_transcript_reads_back_to_its_own_text(events in events::recording()) {
        let text = render(&events, Detail::Brief);
        let read = parse(&text).unwrap();
        prop_assert_eq!(render(&read, Detail::Brief), text);
    }

    #[test]
    fn nothing_a_rule_page_can_hold_is_a_panic(text: String, line in "(pos|close|gap|open|end)( [+(\\[\"{→a-z0-9;)…]{0,6}){0,4}") {
        let _ = parse(&text);
        let _ = parse(&line);
    }
}

#[test]
fn people_write_little() {
    let text = "\
# the connection, its time and the handshake may be left out
open pos → terminal /tsi/v1/payment
pos      +0ms    {\"request\":{\"flow_id\":\"1\"}}
terminal +9.1s   (frames 10 20; deflated) {\"event\":{}}

[2] pos  +1ms    ping \"hello\"
close pos 1000
close +250us terminal - odd one
drop
gap 3 disk full
end +60s
";
    let events = parse(text).unwrap();
    assert_eq!(events.len(), 9);
    assert_eq!(events.last().unwrap().at.as_micros(), 69_101_250);
    assert_eq!(
        render(&events, Detail::Brief),
        "\
open pos → terminal /tsi/v1/payment
pos      +0ms    {\"request\":{\"flow_id\":\"1\"}}
terminal +9.1s   (frames 10 20; deflated) {\"event\":{}}
[2] pos  +1ms    ping \"hello\"
close pos 1000
close terminal - odd one
drop
gap 3 disk full
end +60s stopped
"
    );
}

#[rstest]
#[case("pso +0ms {}", "line 1, column 1: expected `pos`, `terminal`")]
#[case("\npos +0 {}", "line 2, column 5: expected a time such as `+2ms`")]
#[case(
    "pos +0ms {\"a\":[…]}",
    "line 1, column 16: expected whole JSON, in which nothing is left out, got `…]}`"
)]
#[case("pos +0ms {\"a\" 1}", "line 1, column 15: expected `:` of JSON, got `1}`")]
#[case("pos +0ms", "line 1, column 9: expected JSON, `text \"…\"`")]
#[case("close till 1000", "line 1, column 7: expected a party")]
#[case("close pos x", "line 1, column 11: expected a close code, got `x`")]
#[case("open pos → pos /", "expected the other party, got `pos /`")]
#[case("drop pos reset now", "line 1, column 16: expected the end of the line, got `now`")]
#[case("[x] drop", "expected the number of a connection in brackets")]
#[case("pos +0ms binary ?", "expected base64, with padding, got `?`")]
#[case("pos +0ms (frame 1) {}", "column 11: expected `frames`, `deflated`")]
fn a_line_that_cannot_be_read_says_where_and_what_was_expected(#[case] text: &str, #[case] expected: &str) {
    let error = parse(text).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn aliases_take_the_place_of_volatile_values() {
    let events = parse(
        "pos +0ms {\"request\":{\"flow_id\":\"804213\"}}\n\
         terminal +2ms {\"event\":{\"flow_id\":\"804213\",\"at\":\"10:15\"}}\n\
         pos +1ms {\"request\":{\"flow_id\":\"804214\"}}\n",
    )
    .unwrap();
    let aliases = Aliases::new(vec![Volatile::new("flow", "flow_id"), Volatile::new("time", "/event/at")]);
    let mut transcript = Transcript::new(Detail::Brief, aliases);
    let mut out = String::new();
    for event in &events {
        transcript.event(event, &mut out);
    }
    assert_eq!(
        out,
        "\
pos      +0ms    {\"request\":{\"flow_id\":\"[flow-1]\"}}
terminal +2ms    {\"event\":{\"flow_id\":\"[flow-1]\",\"at\":\"[time-1]\"}}
pos      +1ms    {\"request\":{\"flow_id\":\"[flow-2]\"}}
"
    );
    assert_eq!(parse(&out).unwrap().len(), 3);
}
