//! Which of the two dialects of goChip is spoken: 3.0.28 changed the words of cancelling and of tokens.

/// A version of goChip Websockets, as far as its messages differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Edition {
    /// 3.0.28 and later: `RES_ON_CANCEL_TRANSACTION_ATTEMPT`, `RES_ON_TRANSACTION_COMM_ERROR`, tokens.
    #[default]
    Since3028,
    /// Before 3.0.28: cancelling is told by a progress text, a lost gateway by `RES_ON_ERROR`.
    Before3028,
}
