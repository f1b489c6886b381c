//! The shop: its links, pages, visitors' browsers and places.

use crate::links::Proposal;

/// Its host; reserved for examples (RFC 2606).
pub const HOST: &str = "shop.example";

/// A governed link of the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShopLink {
    /// Its slug.
    pub slug: &'static str,
    /// The page it leads to.
    pub path: &'static str,
    /// `utm_source`
    pub source: &'static str,
    /// `utm_medium`
    pub medium: &'static str,
    /// `utm_campaign`
    pub campaign: &'static str,
}

/// Every link.
pub const LINKS: [ShopLink; 5] = [
    ShopLink {
        slug: "spring-mail",
        path: "/spring",
        source: "newsletter",
        medium: "email",
        campaign: "spring-sale",
    },
    ShopLink {
        slug: "loyalty-mail",
        path: "/members",
        source: "newsletter",
        medium: "email",
        campaign: "loyalty",
    },
    ShopLink {
        slug: "lena",
        path: "/shoes",
        source: "lena-runs",
        medium: "influencer",
        campaign: "running-shoes",
    },
    ShopLink {
        slug: "insta-bio",
        path: "/",
        source: "instagram",
        medium: "social",
        campaign: "bio",
    },
    ShopLink {
        slug: "partner-blog",
        path: "/outdoor",
        source: "trail-blog",
        medium: "affiliate",
        campaign: "outdoor",
    },
];

impl ShopLink {
    /// The link as it is proposed.
    pub fn proposal(&self) -> Proposal {
        Proposal {
            slug: self.slug.to_owned(),
            destination: format!("https://{HOST}{}", self.path),
            source: Some(self.source.to_owned()),
            medium: Some(self.medium.to_owned()),
            campaign: Some(self.campaign.to_owned()),
            owner: "demo".to_owned(),
            ..Proposal::default()
        }
    }

    /// Where its redirect leads, before the click id.
    pub fn landing(&self) -> String {
        format!(
            "https://{HOST}{}?utm_source={}&utm_medium={}&utm_campaign={}",
            self.path, self.source, self.medium, self.campaign
        )
    }
}

/// What the shop pays for on every day: source, campaign, and least and most cents.
pub const SPEND: [(&str, &str, u64, u64); 4] = [
    ("google", "shoes-brand", 3_500, 6_500),
    ("lena-runs", "running-shoes", 2_000, 4_000),
    ("trail-blog", "outdoor", 1_000, 2_500),
    ("newsletter", "spring-sale", 400, 600),
];

/// A product: page, name, price and cost in cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its page.
    pub path: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its price.
    pub cents: u64,
    /// What it costs the shop; not known of everything.
    pub cost_cents: Option<u64>,
}

impl Product {
    /// What events and decisions call it.
    pub fn id(&self) -> &'static str {
        self.path.trim_start_matches("/p/")
    }

    /// What goes with it.
    pub fn companion(&self) -> Option<Self> {
        let place = PRODUCTS.iter().position(|product| product == self)?;
        PRODUCTS.get((place + 1) % PRODUCTS.len()).copied()
    }
}

/// Every product.
pub const PRODUCTS: [Product; 8] = [
    Product { path: "/p/trail-shoe", name: "Trail shoe", cents: 12_990, cost_cents: Some(6_100) },
    Product { path: "/p/road-shoe", name: "Road shoe", cents: 10_950, cost_cents: Some(5_400) },
    Product { path: "/p/rain-jacket", name: "Rain jacket", cents: 15_900, cost_cents: Some(7_800) },
    Product {
        path: "/p/merino-shirt",
        name: "Merino shirt",
        cents: 6_490,
        cost_cents: Some(2_700),
    },
    Product { path: "/p/head-lamp", name: "Head lamp", cents: 3_995, cost_cents: Some(1_650) },
    Product { path: "/p/bottle", name: "Bottle", cents: 1_850, cost_cents: None },
    Product { path: "/p/backpack", name: "Backpack", cents: 8_900, cost_cents: Some(4_250) },
    Product { path: "/p/socks", name: "Socks", cents: 1_290, cost_cents: Some(380) },
];

/// Browsers of people.
pub const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
];

/// Automata: crawlers and link previews.
pub const BOTS: [&str; 3] = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
];

/// Addresses whose countries are well known; only the country is kept of them.
pub const ADDRESSES: [&str; 6] =
    ["8.8.8.8", "193.99.144.80", "212.58.244.20", "195.154.0.1", "130.59.31.80", "133.11.0.1"];
