//! What a virtual service answers to requests that need no card: always the same.

use super::super::object::Object;
use super::edition::Edition;
use super::message::fine;

/// The settings of a shop.
pub(super) fn settings() -> String {
    let settings = Object::new()
        .text("currencySymbol", "€")
        .text("currency", "EUR")
        .object("features", Object::new())
        .object("merchantDetails", Object::new().text("name", "Corner Shop"))
        .array("taxList", [])
        .array("tipList", []);
    fine("RES_ON_SETTINGS_RETRIEVED", Object::new().object("settings", settings))
}

/// The reader is there.
pub(super) fn device_connected() -> String {
    fine("RES_ON_DEVICE_CONNECTED", Object::new().text("deviceType", "Idtech").object("deviceInfo", device()))
}

/// What the reader is.
pub(super) fn device_info() -> String {
    fine("RES_ON_DEVICE_INFO_RETURNED", Object::new().object("deviceInfo", device()))
}

fn device() -> Object {
    Object::new()
        .text("serialNumber", "55X1")
        .text("kernelVersion", "1.0")
        .text("firmwareVersion", "1.0")
        .text("connectionType", "USB")
}

/// Whether the reader listens by itself.
pub(super) fn polling(kind: &str, enabled: bool) -> String {
    fine(kind, Object::new().decimal("enabled", if enabled { "true" } else { "false" }))
}

/// A token that stands for a card, in the words of an edition.
pub(super) fn token(edition: Edition) -> String {
    match edition {
        Edition::Since3028 => {
            let token = Object::new()
                .text("secureTokenMerchantRef", "M1")
                .text("secureTokenCredentialsNumber", "TOKEN-1");
            fine("RES_ON_SECURE_TOKEN_RESPONSE", Object::new().object("secureTokenResponse", token))
        }
        Edition::Before3028 => {
            let card =
                Object::new().text("secureCardMerchantRef", "M1").text("cardReferenceNumber", "TOKEN-1");
            fine("RES_ON_SECURE_CARD_RESPONSE", Object::new().object("secureCard", card))
        }
    }
}
