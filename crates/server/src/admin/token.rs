//! Tokens of the admin plane: random, stored as SHA-256 hashes, compared in constant time.

use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use subtle::{ConstantTimeEq, ConstantTimeLess};

/// What a token allows; each role may do all that those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads figures.
    Viewer,
    /// Changes links, imports and exports.
    Editor,
    /// Everything.
    Admin,
}

impl Role {
    /// The word in configuration and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    const fn rank(self) -> u8 {
        self as u8 + 1
    }
}

impl FromStr for Role {
    type Err = TokenError;
    fn from_str(text: &str) -> Result<Self, TokenError> {
        [Self::Viewer, Self::Editor, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(TokenError::Role)
    }
}

/// Why a token cannot be used or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No such role.
    #[error("a role is one of viewer, editor, admin")]
    Role,
    /// Not a stored hash.
    #[error(
        "a stored token is the 64 hexadecimal digits of its SHA-256: printf %s TOKEN | sha256sum"
    )]
    Hash,
    /// The system gave no randomness.
    #[error("the system gave no random bytes: a token cannot be made now")]
    Random,
}

/// A token's text. It is shown once, when it is made, and never stored or logged.
pub struct Token(String);

/// Random bytes in a token: 256 bits, twice the least that is accepted.
const TOKEN_BYTES: usize = 32;

impl Token {
    /// A fresh token.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, TokenError> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| TokenError::Random)?;
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self(format!("ms_{digits}")))
    }

    /// The text to hand to its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What to store.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The stored form of a token: its SHA-256, which every system can compute. Tokens are random and
/// long, so it needs neither salt nor stretching.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

impl FromStr for TokenHash {
    type Err = TokenError;
    fn from_str(text: &str) -> Result<Self, TokenError> {
        let digits = text.trim().as_bytes();
        if digits.len() != 64 {
            return Err(TokenError::Hash);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |c: u8| char::from(c).to_digit(16).ok_or(TokenError::Hash);
            *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?)
                .map_err(|_| TokenError::Hash)?;
        }
        Ok(Self(bytes))
    }
}

/// One token that is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenEntry {
    /// Whose it is; for people who rotate it.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// Its stored form.
    pub hash: TokenHash,
}

/// All tokens that are accepted. Several may hold at once, so one can be rotated without a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens(Vec<TokenEntry>);

impl Tokens {
    /// These and no others.
    pub const fn new(entries: Vec<TokenEntry>) -> Self {
        Self(entries)
    }

    /// True when none is accepted.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The role of a presented token. Every entry is compared, each in constant time, so that the
    /// time tells nothing about any of them.
    pub fn role_of(&self, presented: &str) -> Option<Role> {
        let presented = TokenHash::of(presented);
        let mut best = 0_u8;
        for entry in &self.0 {
            let rank = entry.role.rank();
            let matches = entry.hash.0.ct_eq(&presented.0);
            let better = matches & best.ct_lt(&rank);
            best = subtle::ConditionallySelectable::conditional_select(&best, &rank, better);
        }
        [Role::Viewer, Role::Editor, Role::Admin].into_iter().find(|role| role.rank() == best)
    }
}
