//! Hybrid tracking: what a server and a browser or an app say of one action, as one event.

use crate::envelope::Event;
use crate::kind::EventKind;

impl Event {
    /// This event, which a server told of, with what a browser or an app told of the same action.
    /// The server says who, when and what for; the client fills what it leaves open, and says where:
    /// page, agent, place, campaign.
    #[must_use]
    pub fn united_with(mut self, client: Self) -> Self {
        if self.kind == EventKind::Unlink || client.kind == EventKind::Unlink {
            return self;
        }
        if client.country.is_some() || client.region.is_some() {
            (self.country, self.region) = (client.country, client.region);
        }
        if client.page.url.is_some() {
            self.page = client.page;
        }
        if client.arrival.is_some() {
            (self.arrival, self.campaign) = (client.arrival, client.campaign);
        }
        self.click = client.click.or(self.click);
        self.user_agent = client.user_agent.or(self.user_agent);
        self.round_trip_ms = client.round_trip_ms.or(self.round_trip_ms);
        self.device_hints = client.device_hints.or(self.device_hints);
        self.consent.granted = self.consent.granted.and(client.consent.granted);
        self.user_id = self.user_id.or(client.user_id);
        self.previous_id = self.previous_id.or(client.previous_id);
        self.group_id = self.group_id.or(client.group_id);
        self.value = self.value.or(client.value);
        self.order_id = self.order_id.or(client.order_id);
        self.properties = self.properties.or(client.properties);
        self.traits = self.traits.or(client.traits);
        self.context = self.context.or(client.context);
        self
    }
}
