//! The class of a device, from its user agent and the operating system recognised in it.

use millstream_stitch::DeviceClass;

const TABLETS: [&str; 5] = ["iPad", "Tablet", "Kindle", "PlayBook", "Silk/"];
const SCREENS: [&str; 7] =
    ["SmartTV", "SMART-TV", "AppleTV", "GoogleTV", "Roku", "BRAVIA", "CrKey"];
const PHONES: [&str; 6] = ["iPhone", "iPod", "Windows Phone", "BlackBerry", "Opera Mini", "Mobi"];
const DESKTOPS: [&str; 15] = [
    "Windows",
    "Mac OS X",
    "Mac OS",
    "Linux",
    "Ubuntu",
    "Debian",
    "Fedora",
    "Chrome OS",
    "FreeBSD",
    "OpenBSD",
    "NetBSD",
    "Red Hat",
    "CentOS",
    "SUSE",
    "Solaris",
];

/// The class that the text stands for; televisions, consoles and the unknown are `Other`.
pub fn class(user_agent: &str, os: &str) -> DeviceClass {
    let says = |words: &[&str]| words.iter().any(|word| user_agent.contains(word));
    if says(&SCREENS) {
        DeviceClass::Other
    } else if says(&TABLETS) && !user_agent.contains("Windows NT") {
        DeviceClass::Tablet
    } else if says(&PHONES) {
        DeviceClass::Mobile
    } else if os == "Android" {
        // Android browsers on phones say "Mobile"; those on tablets do not.
        DeviceClass::Tablet
    } else if DESKTOPS.contains(&os) {
        DeviceClass::Desktop
    } else {
        DeviceClass::Other
    }
}
