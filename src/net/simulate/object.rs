//! A JSON object written in the order its fields are given, as devices write theirs.

/// A JSON object under construction; keys are ours and need no escape.
#[derive(Clone, Debug)]
pub(crate) struct Object(String);

impl Object {
    /// `{}`.
    pub(crate) fn new() -> Self {
        Self("{".to_owned())
    }

    /// Adds a string.
    #[must_use]
    pub(crate) fn text(self, key: &str, value: &str) -> Self {
        self.raw(key, &quoted(value))
    }

    /// Adds a whole number.
    #[must_use]
    pub(crate) fn number(self, key: &str, value: u64) -> Self {
        self.raw(key, &value.to_string())
    }

    /// Adds a number as it is spelled, such as `8.4`.
    #[must_use]
    pub(crate) fn decimal(self, key: &str, spelled: &str) -> Self {
        self.raw(key, spelled)
    }

    /// Adds an array of strings.
    #[must_use]
    pub(crate) fn texts(self, key: &str, values: &[&str]) -> Self {
        let items: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        self.raw(key, &format!("[{}]", items.join(",")))
    }

    /// Adds an object.
    #[must_use]
    pub(crate) fn object(self, key: &str, value: Self) -> Self {
        self.raw(key, &value.finish())
    }

    /// Adds an array of objects.
    #[must_use]
    pub(crate) fn array(self, key: &str, values: impl IntoIterator<Item = Self>) -> Self {
        let items: Vec<String> = values.into_iter().map(Self::finish).collect();
        self.raw(key, &format!("[{}]", items.join(",")))
    }

    /// Adds what `add` adds, where there is a `value`.
    #[must_use]
    pub(crate) fn given<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => add(self, value),
            None => self,
        }
    }

    /// The text of the object.
    pub(crate) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn raw(mut self, key: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quoted(key));
        self.0.push(':');
        self.0.push_str(json);
        self
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_text_is_escaped() {
        let inner = Object::new().text("z", "a\"b\n").number("a", 5);
        let object =
            Object::new().array("list", [inner.clone(), inner]).given(None::<u64>, |o, n| o.number("no", n));
        assert_eq!(object.finish(), r#"{"list":[{"z":"a\"b\n","a":5},{"z":"a\"b\n","a":5}]}"#);
        assert_eq!(Object::new().finish(), "{}");
    }
}
