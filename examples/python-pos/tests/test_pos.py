from pos import Pos, Receipt


def test_a_sale_with_a_tip_is_approved(replay_terminal):
    terminal = replay_terminal("sale-approved", "--check")
    assert Pos(terminal.url).sale(2350, tip=300) == Receipt("approved", total=2650, reference="58")
    terminal.green()


def test_a_decline_is_no_sale_although_the_transaction_is_completed(replay_terminal):
    terminal = replay_terminal("sale-declined", "--check")
    assert Pos(terminal.url).sale(4561) == Receipt("declined", why="INSUFF FUNDS")
    terminal.green()


def test_a_sale_is_voided_by_the_reference_that_the_terminal_gave(replay_terminal):
    terminal = replay_terminal("void-known-and-unknown", "--check")
    pos = Pos(terminal.url)
    sale = pos.sale(2350)
    assert pos.void(sale.reference).outcome == "approved"
    assert pos.void("9001").why == "transaction_record_not_found"
    terminal.green()


def test_after_a_lost_link_the_pos_asks_instead_of_selling_again(replay_terminal):
    terminal = replay_terminal("terminal-drops-link", "--check")
    receipt = Pos(terminal.url).sale(1275)
    assert receipt == Receipt("approved", total=1275, reference="58", recovered=True)
    terminal.green()


def test_a_terminal_that_falls_silent_is_given_up_on_and_asked(replay_terminal):
    terminal = replay_terminal("terminal-silent", "--check")
    receipt = Pos(terminal.url, card_time=0.3).sale(1271)
    assert receipt == Receipt("declined", why="transaction_record_not_found")
    terminal.green()


def test_where_nobody_can_say_what_happened_the_pos_does_not_guess(replay_terminal):
    # The link goes after `started`, and whatever the POS then asks is refused.
    faults = ["--fault", "cut after response", "--unknown", "answer-as-busy", "--patience", "1s"]
    terminal = replay_terminal("sale-approved", *faults)
    receipt = Pos(terminal.url).sale(2350, tip=300)
    assert receipt.outcome == "unknown"
    assert receipt.why == "the link was lost; asked for the last transaction: TSI busy"
    code, verdict = terminal.verdict()
    assert code == 0, verdict["text"]
    assert verdict["faults"] == [{"fault": "cut after response", "n": 3}]


def test_a_transaction_that_ends_without_a_result_is_neither_a_sale_nor_a_decline(replay_terminal):
    # The cassette ends there, so that the question what became of it finds nobody.
    terminal = replay_terminal("terminal-no-results")
    receipt = Pos(terminal.url).sale(1276)
    assert receipt.outcome == "unknown"
    assert receipt.why.startswith("the terminal gave no result; asked for the last transaction: ")
    assert terminal.verdict()[0] == 0


def test_a_pos_that_forgets_to_acknowledge_is_told_what_is_missing(replay_terminal):
    class Forgetful(Pos):
        def acknowledge(self, link, event):
            pass

    terminal = replay_terminal("sale-approved")
    Forgetful(terminal.url).sale(2350, tip=300)
    code, verdict = terminal.verdict()
    print(verdict["text"])
    assert code == 1
    assert verdict["summary"] == "the POS sent close 1000 instead of sending its event_ack"
    assert verdict["mismatch"]["expected"]["purpose"] == "acknowledges #4 (approval)"
