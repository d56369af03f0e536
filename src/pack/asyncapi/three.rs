//! AsyncAPI 3.x: operations say what the application sends and receives, and what is the reply to what.

use super::read::{Met, Operation, Reader, Side};
use crate::pack::document::Target;

/// Notes the messages of every operation.
pub(super) fn operations(reader: &mut Reader<'_>) {
    let operations = reader.root().child("operations");
    for (name, operation) in reader.members(&operations) {
        let Some(operation) = reader.follow(&operation) else { continue };
        let Some(node) = operation.node().cloned() else { continue };
        let side = match node.text_at("action") {
            Some("send") => Side::Application,
            Some("receive") => Side::Peer,
            _ => {
                let place = node.get("action").map_or(&node.place, |action| &action.place);
                let error = place.error("expected the `action` of the operation: `send` or `receive`");
                reader.errors.push(error);
                continue;
            }
        };
        let reply = operation.child("reply");
        let asks = reply.node().is_some();
        let role = if asks { Operation::Asks } else { Operation::Plain };
        messages(reader, &name, &operation, side, role);
        if asks && let Some(reply) = reader.follow(&reply) {
            let other = match side {
                Side::Application => Side::Peer,
                Side::Peer => Side::Application,
            };
            // The reply comes on the same channel where nothing else is said.
            let reply = match reply.node().is_some_and(|node| node.get("channel").is_some()) {
                true => reply,
                false => Replies { of: &operation, reply }.target(reader),
            };
            messages(reader, &name, &reply, other, Operation::Replies);
        }
    }
}

/// A reply that names no channel of its own.
struct Replies<'t> {
    of: &'t Target,
    reply: Target,
}

impl Replies<'_> {
    /// Where its messages stand: in the reply, if it lists any, else it has none to tell.
    fn target(&self, reader: &mut Reader<'_>) -> Target {
        let lists = self.reply.node().is_some_and(|node| node.get("messages").is_some());
        if !lists && let Some(node) = self.of.node() {
            let error = node.place.error("expected the `messages` or the `channel` of the reply");
            reader.errors.push(error);
        }
        self.reply.clone()
    }
}

/// Notes the messages of an operation or a reply: those it lists, or all of its channel.
fn messages(reader: &mut Reader<'_>, name: &str, holder: &Target, side: Side, operation: Operation) {
    let channel = holder.child("channel");
    let channel = match channel.node() {
        Some(_) => reader.follow(&channel),
        None => None,
    };
    let id = channel.as_ref().and_then(|channel| channel.pointer.tokens().last().cloned());
    let address = channel.as_ref().and_then(|channel| channel.node()?.text_at("address").map(str::to_owned));
    let listed = holder.node().and_then(|node| node.get("messages")).map(|listed| listed.elements().len());
    let targets: Vec<Target> = match (listed, &channel) {
        (Some(count), _) => {
            (0..count).map(|index| holder.child("messages").child(index.to_string())).collect()
        }
        (None, Some(channel)) => {
            let all = channel.child("messages");
            reader.members(&all).into_iter().map(|(_, target)| target).collect()
        }
        (None, None) => Vec::new(),
    };
    for target in targets {
        reader.meet(Met {
            target,
            fallback: name,
            side,
            operation,
            channel: (id.clone().unwrap_or_else(|| name.to_owned()), address.clone()),
        });
    }
}
