//! Text with expressions in it: `https://host/${param.account}?key=${secret.api_key}`.

use super::expression::{Expression, ExpressionError};
use cel::{Context, Value};

/// A compiled text.
#[derive(Debug)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Expression(Expression),
}

/// How what an expression gives is written into the text.
pub type Escape = fn(&str) -> String;

impl Template {
    /// Compiles a text.
    ///
    /// # Errors
    /// When an expression in it cannot be used, or `${` has no `}`.
    pub fn compile(text: &str) -> Result<Self, ExpressionError> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("${") {
            let Some((inside, behind)) = after.split_once('}') else {
                return Err(ExpressionError::Syntax("${ is not closed by }".to_owned()));
            };
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Expression(Expression::compile(inside)?));
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The text with the values of its expressions, each escaped.
    ///
    /// # Errors
    /// When an expression has no value that is a text or number.
    pub fn text(
        &self,
        context: &Context<'_, '_>,
        escape: Escape,
    ) -> Result<String, ExpressionError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Expression(expression) => {
                    let value = match expression.value(context)? {
                        Value::String(text) => text.to_string(),
                        Value::Int(number) => number.to_string(),
                        Value::UInt(number) => number.to_string(),
                        Value::Null => String::new(),
                        _ => {
                            let why = "only texts and numbers can stand in a text";
                            return Err(ExpressionError::Failed(why.to_owned()));
                        }
                    };
                    text.push_str(&escape(&value));
                }
            }
        }
        Ok(text)
    }
}

/// For addresses: what is not a letter, digit or `-._~` is escaped.
pub fn in_url(text: &str) -> String {
    const KEPT: percent_encoding::AsciiSet =
        percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(text, &KEPT).to_string()
}

/// For header values: control characters, line ends among them, are left out.
pub fn in_header(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::expression::context;
    use crate::forward::value::of_json;

    #[test]
    fn values_cannot_break_out_of_their_place() {
        let mut context = context(crate::forward::lookups::Lookups::default());
        context.add_variable_from_value(
            "param",
            of_json(&serde_json::json!({"a": "x/../?&=\r\nEvil: 1", "n": 7})),
        );
        let text =
            |template: &str, escape| Template::compile(template).unwrap().text(&context, escape);
        assert_eq!(
            text("https://h/${param.a}/${param.n}", in_url).unwrap(),
            "https://h/x%2F..%2F%3F%26%3D%0D%0AEvil%3A%201/7"
        );
        assert_eq!(text("Bearer ${param.a}", in_header).unwrap(), "Bearer x/../?&=Evil: 1");
        assert!(text("${param}", in_url).is_err());
        assert!(Template::compile("${param.a").is_err());
        assert!(Template::compile("${other.a}").is_err());
    }
}
