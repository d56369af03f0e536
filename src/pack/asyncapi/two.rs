//! AsyncAPI 2.x: a channel has what others may `publish` to the application and what they may `subscribe` to.

use super::read::{Met, Operation, Reader, Side};

/// Notes the messages of every channel.
pub(super) fn operations(reader: &mut Reader<'_>) {
    let channels = reader.root().child("channels");
    for (name, channel) in reader.members(&channels) {
        let Some(channel) = reader.follow(&channel) else { continue };
        // Said from the outside: what is published is what the application receives.
        for (word, side) in [("publish", Side::Peer), ("subscribe", Side::Application)] {
            let operation = channel.child(word);
            if operation.node().is_none() {
                continue;
            }
            let message = operation.child("message");
            let Some(node) = message.node() else { continue };
            let several = node.get("oneOf").map(|several| several.elements().len());
            let targets = match several {
                Some(count) => {
                    let all = message.child("oneOf");
                    (0..count).map(|index| all.child(index.to_string())).collect()
                }
                None => vec![message],
            };
            let id = operation.node().and_then(|node| node.text_at("operationId")).map(str::to_owned);
            for target in targets {
                reader.meet(Met {
                    target,
                    fallback: id.as_deref().unwrap_or(&name),
                    side,
                    operation: Operation::Plain,
                    channel: (name.clone(), Some(name.clone())),
                });
            }
        }
    }
}
