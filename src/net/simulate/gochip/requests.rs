//! The requests a virtual goChip POS sends, as texts.
//!
//! What the sources do not name is marked where it stands: it is ours, so that something can be shown.

use super::super::object::Object;
use super::amount::Major;
use super::edition::Edition;
use super::errand::Emv;
use super::habit::Habit;
use super::message::{bare_with, request};

/// Initialises the service.
pub(super) fn ws_init() -> String {
    request("REQ_WS_INIT", Object::new().text("mode", "TEST").text("logLevel", "LEVEL_FULL"))
}

/// The key of the integration, since 1.6.
pub(super) fn api_key() -> String {
    request("REQ_SET_API_KEY", Object::new().text("key", "demo-key"))
}

/// Which terminal of the merchant this is.
pub(super) fn configuration() -> String {
    request("REQ_INIT_WITH_CONFIGURATION", Object::new().text("terminalId", "900100"))
}

/// Connects the card reader.
pub(super) fn init_device(emv: Emv) -> String {
    let data = Object::new()
        .text("device", "IDTECH")
        .text("connectionType", "USB")
        .text("inputMethod", "INSERT_OR_TAP")
        .text("emvType", emv.as_str());
    request("REQ_INIT_DEVICE", data)
}

/// A sale, spelled as the habit has it.
pub(super) fn sale(amount: Major, habit: Habit) -> String {
    let stripped = habit == Habit::StripsZeros;
    let spelled = if stripped { amount.zero_stripped() } else { amount.to_string() };
    let data = Object::new().text("amount", &spelled);
    let key = if habit == Habit::CapitalType { "Type" } else { "type" };
    bare_with(key, "REQ_PROCESS_SALE").object("data", data).finish()
}

/// A refund of the sale of that `uniqueRef`.
pub(super) fn refund(reference: &str, amount: Major) -> String {
    let data = Object::new()
        .text("uniqueRef", reference)
        .text("amount", &amount.to_string())
        .text("reason", "returned");
    request("REQ_PROCESS_REFUND", data)
}

/// A refund to a card that is keyed in. Never to be stored as it stands: the card is a published test number,
/// the names of its fields are ours.
pub(super) fn keyed_refund(amount: Major) -> String {
    let data = Object::new()
        .text("amount", &amount.to_string())
        .text("reason", "returned")
        .text("cardNumber", "4111111111111111")
        .text("expiryDate", "1230")
        .text("cvv", "123")
        .text("cardHolderName", "A CARDHOLDER");
    request("REQ_PROCESS_UNREFERENCED_REFUND", data)
}

/// Takes a sale back. The name of this request is not published; this one is ours.
pub(super) fn reversal(reference: &str) -> String {
    request("REQ_PROCESS_REVERSAL", Object::new().text("uniqueRef", reference))
}

/// Asks for the transactions.
pub(super) fn enquiry() -> String {
    request("REQ_GET_TRANSACTIONS", Object::new())
}

/// Lets the reader listen by itself, or no more.
pub(super) fn polling(on: bool) -> String {
    let data = Object::new().decimal("enabled", if on { "true" } else { "false" });
    let data = if on { data.decimal("initialAmount", "1") } else { data };
    request("REQ_SET_POLLING_ENABLED", data)
}

/// What a customer at a listening reader owes.
pub(super) fn amount(amount: Major) -> String {
    let sale = Object::new().decimal("amount", &amount.number());
    request("REQ_SUBMIT_AMOUNT", Object::new().object("sale", sale).decimal("confirmation", "true"))
}

/// Which application of the card to use.
pub(super) fn application(index: u64) -> String {
    request("REQ_SUBMIT_APPLICATION", Object::new().number("index", index))
}

/// What the cardholder drew.
pub(super) fn signature() -> String {
    request("REQ_SUBMIT_SIGNATURE", Object::new().text("signatureData", "[[1,1],[2,2]]"))
}

/// Asks for a token, in the words of an edition.
pub(super) fn token(edition: Edition) -> String {
    match edition {
        Edition::Since3028 => {
            request("REQ_RETRIEVE_SECURE_TOKEN", Object::new().text("secureTokenMerchantRef", "M1"))
        }
        Edition::Before3028 => {
            request("REQ_LOAD_SECURE_CARD", Object::new().text("secureCardMerchantRef", "M1"))
        }
    }
}
