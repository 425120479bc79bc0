//! The generator of the labelled corpus: seeded, so that the same lines come out everywhere.
//!
//! Positives are made by the rules of the issuers, not by the rules of the detectors: digits by Luhn with prefixes from
//! the public lists, IBANs with computed check digits, tokens in the published shapes, in the dress people give them
//! (grouped, dashed, in JSON with escapes, CSV, logs, prose). Negatives are the numbers and words of ordinary rows that
//! look alike: order ids, UUIDs, timestamps, hashes, versions, invoices, digits whose check fails.

use std::fmt::Write;

/// Positives per detector, and negatives.
const EACH: usize = 400;

struct Seed(u64);

impl Seed {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 3
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn chars(&mut self, n: usize, alphabet: &str) -> String {
        let alphabet = alphabet.as_bytes();
        (0..n).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }

    fn digits(&mut self, n: usize) -> String {
        self.chars(n, "0123456789")
    }
}

const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HEX: &str = "0123456789abcdef";

type Make = fn(&mut Seed) -> String;

/// The whole corpus.
pub fn corpus() -> String {
    let kinds: [(&str, Make, Make); 10] = [
        ("credit_card", card, not_card),
        ("us_ssn", ssn, not_ssn),
        ("email", email, not_email),
        ("iban", iban, not_iban),
        ("phone", phone, not_phone),
        ("jwt", jwt, not_jwt),
        ("aws_key", aws, not_aws),
        ("github_token", github, not_github),
        ("slack_token", slack, not_slack),
        ("private_key", pem, not_pem),
    ];
    let (mut seed, mut out) = (Seed(0x0070_6F72_7463_756C), String::new());
    for (name, positive, negative) in kinds {
        for _ in 0..EACH {
            let secret = positive(&mut seed);
            let (kind, value) = context(&mut seed, &secret, true);
            writeln!(out, "{name}\tpositive\t{kind}\t{}", value.replace('\n', "\\n")).unwrap();
            let other = negative(&mut seed);
            let (kind, value) = context(&mut seed, &other, false);
            writeln!(out, "{name}\tnegative\t{kind}\t{}", value.replace('\n', "\\n")).unwrap();
        }
    }
    out
}

/// Prose, JSON, CSV, logs; a secret that brings its own marks keeps them.
fn context(seed: &mut Seed, value: &str, positive: bool) -> (&'static str, String) {
    let marked = if positive && !value.contains('⟦') { format!("⟦{value}⟧") } else { value.to_owned() };
    let id = seed.digits(6);
    match seed.below(9) {
        0 => ("text", marked),
        1 => ("text", format!("Customer says: {marked}, please call back.")),
        2 => ("text", format!("{id},Alice Miller,{marked},2024-03-01,open")),
        3 => ("text", format!("2024-03-01T12:34:56.789Z INFO req={id} user=alice value={marked} took 12ms")),
        4 => ("text", format!("note ({marked}) from ticket #{id}.")),
        5 => ("json", format!("{{\"id\": {id}, \"note\": \"{}\"}}", escape(&marked))),
        6 => ("json", format!("[\"{}\", null, true, 12.50]", escape(&marked))),
        7 => ("text", format!("Grüße aus Köln — {marked} — danke")),
        _ => ("text", format!("line one\nvalue: {marked}\nline three")),
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\u000a")
}

fn with_luhn(mut number: String) -> String {
    let check = ('0'..='9').find(|c| luhn(&format!("{number}{c}"))).unwrap();
    number.push(check);
    number
}

fn luhn(number: &str) -> bool {
    let value = |(place, digit): (usize, u8)| {
        let n = u32::from(digit - b'0') * if place % 2 == 1 { 2 } else { 1 };
        n / 10 + n % 10
    };
    number.bytes().rev().enumerate().map(value).sum::<u32>() % 10 == 0
}

fn grouped(number: &str, sizes: &[usize], separator: &str) -> String {
    let (mut groups, mut rest) = (Vec::new(), number);
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (group, tail) = rest.split_at((*size).min(rest.len()));
        groups.push(group);
        rest = tail;
    }
    groups.join(separator)
}

fn card(seed: &mut Seed) -> String {
    let (prefix, length) = [
        ("4", 16),
        ("4", 16),
        ("4", 13),
        ("4", 19),
        ("51", 16),
        ("55", 16),
        ("2221", 16),
        ("2720", 16),
        ("34", 15),
        ("37", 15),
        ("6011", 16),
        ("65", 16),
        ("644", 16),
        ("3528", 16),
        ("3589", 16),
        ("36", 14),
        ("305", 14),
        ("38", 14),
        ("62", 16),
        ("6759", 16),
        ("6304", 18),
        ("2200", 16),
    ][seed.below(22)];
    let body = seed.digits(length - prefix.len() - 1);
    let number = with_luhn(format!("{prefix}{body}"));
    let sizes: &[usize] = match number.len() {
        15 => &[4, 6, 5],
        14 => &[4, 6, 4],
        13 => &[4, 3, 3, 3],
        _ => &[4],
    };
    match seed.below(4) {
        0 => grouped(&number, sizes, " "),
        1 => grouped(&number, sizes, "-"),
        _ => number,
    }
}

fn not_card(seed: &mut Seed) -> String {
    match seed.below(9) {
        0 => {
            let number = format!("4{}", seed.digits(15));
            if luhn(&number) { format!("{}{}", &number[..15], (number.as_bytes()[15] - b'0' + 1) % 10) } else { number }
        }
        1 => uuid(seed),
        2 => timestamp(seed),
        3 => format!("17{}", seed.digits(11)),
        4 => seed.chars(64, HEX),
        5 => format!("0.{}", seed.digits(16)),
        6 => format!("ORD-{}-{}", seed.digits(8), seed.digits(6)),
        7 => seed.digits(10),
        _ => with_luhn(format!("9{}", seed.digits(14))),
    }
}

fn uuid(seed: &mut Seed) -> String {
    let parts: Vec<String> = [8, 4, 4, 4, 12].into_iter().map(|n| seed.chars(n, HEX)).collect();
    parts.join("-")
}

fn timestamp(seed: &mut Seed) -> String {
    let (month, day, hour, rest) = (seed.below(12) + 1, seed.below(28) + 1, seed.below(24), seed.digits(6));
    format!("20{:02}-{month:02}-{day:02} {hour:02}:34:56.{rest}+{:02}", seed.below(30), seed.below(13))
}

fn ssn(seed: &mut Seed) -> String {
    let area = [seed.below(665) + 1, seed.below(233) + 667][seed.below(2)];
    let (group, serial) = (seed.below(99) + 1, seed.below(9999) + 1);
    let separator = seed.pick(&["-", "-", "-", " "]);
    format!("{area:03}{separator}{group:02}{separator}{serial:04}")
}

fn not_ssn(seed: &mut Seed) -> String {
    match seed.below(8) {
        0 => format!("9{}-{}-{}", seed.digits(2), seed.digits(2), seed.digits(4)),
        1 => format!("000-{}-{}", seed.digits(2), seed.digits(4)),
        2 => format!("{}-00-{}", seed.digits(3), seed.digits(4)),
        3 => format!("978-{}-{}-{}-{}", seed.digits(3), seed.digits(2), seed.digits(4), seed.digits(1)),
        4 => format!("{}-{}-{}", seed.digits(3), seed.digits(3), seed.digits(4)),
        5 => timestamp(seed),
        6 => seed.digits(9),
        _ => format!("{}-{}-{}", seed.digits(4), seed.digits(2), seed.digits(4)),
    }
}

fn email(seed: &mut Seed) -> String {
    let name =
        seed.pick(&["bob", "alice.miller", "o'brien", "j_doe", "x", "first.middle.last", "jürgen", "user1984", "a-b"]);
    let tag = seed.pick(&["", "", "", "+news", "+a.b", "99"]);
    let host = seed.pick(&["example", "mail.example", "my-company", "x1", "sub.deep.example", "münchen", "123"]);
    let top = seed.pick(&["com", "org", "co.uk", "de", "io", "museum", "xn--p1ai"]);
    format!("{name}{tag}@{host}.{top}")
}

fn not_email(seed: &mut Seed) -> String {
    match seed.below(7) {
        0 => format!("left-pad@{}.{}.0", seed.below(20), seed.below(20)),
        1 => "@override".into(),
        2 => format!("logo@{}x.png", seed.below(3) + 1),
        3 => format!("root@host{}", seed.below(100)),
        4 => format!("{} @ {} EUR", seed.below(100), seed.below(100)),
        5 => format!("@user_{}", seed.digits(4)),
        _ => "meet me @ 5.30 pm".into(),
    }
}

fn iban(seed: &mut Seed) -> String {
    let (country, form) = [
        ("DE", "nnnnnnnnnnnnnnnnnn"),
        ("GB", "aaaannnnnnnnnnnnnn"),
        ("FR", "nnnnnnnnnnccccccccccc2n"),
        ("NO", "nnnnnnnnnnn"),
        ("NL", "aaaannnnnnnnnn"),
        ("ES", "nnnnnnnnnnnnnnnnnnnn"),
        ("IT", "annnnnnnnnncccccccccccc"),
        ("CH", "nnnnncccccccccccc"),
        ("PL", "nnnnnnnnnnnnnnnnnnnnnnnn"),
        ("SE", "nnnnnnnnnnnnnnnnnnnn"),
        ("AT", "nnnnnnnnnnnnnnnn"),
        ("BE", "nnnnnnnnnnnn"),
        ("MT", "aaaannnnncccccccccccccccccc"),
        ("BR", "nnnnnnnnnnnnnnnnnnnnnnnac"),
        ("AE", "nnnnnnnnnnnnnnnnnnn"),
    ][seed.below(15)];
    let body: String = form
        .chars()
        .map(|c| match c {
            'a' => seed.chars(1, UPPER),
            'c' => seed.chars(1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
            'n' => seed.digits(1),
            _ => seed.digits(1),
        })
        .collect();
    let whole = format!("{country}{:02}{body}", 98 - mod97(&format!("{body}{country}00")));
    match seed.below(4) {
        0 => grouped(&whole, &[4], " "),
        1 => whole.to_lowercase(),
        _ => whole,
    }
}

fn mod97(text: &str) -> u32 {
    text.chars().fold(0, |rest, c| {
        let value = c.to_digit(36).unwrap();
        (rest * if value < 10 { 10 } else { 100 } + value) % 97
    })
}

fn not_iban(seed: &mut Seed) -> String {
    match seed.below(6) {
        0 => {
            let (check, body) = (seed.below(97), seed.digits(18));
            let right = 98 - mod97(&format!("{body}DE00")) as usize;
            format!("DE{:02}{body}", if check == right || check + 97 == right { check + 1 } else { check })
        }
        1 => format!("INV{}{}", seed.digits(4), seed.digits(8)),
        2 => format!("SKU-{}{}", seed.chars(2, UPPER), seed.digits(12)),
        3 => seed.chars(32, HEX),
        4 => uuid(seed),
        _ => format!("{}{}", seed.chars(2, UPPER), seed.digits(9)),
    }
}

fn phone(seed: &mut Seed) -> String {
    let (country, sizes): (&str, &[usize]) = [
        ("1", &[3usize, 3, 4][..]),
        ("44", &[2, 4, 4]),
        ("49", &[3, 7]),
        ("33", &[1, 2, 2, 2, 2]),
        ("81", &[2, 4, 4]),
        ("7", &[3, 3, 2, 2]),
        ("86", &[3, 4, 4]),
        ("371", &[4, 4]),
        ("353", &[2, 3, 4]),
        ("61", &[1, 4, 4]),
        ("55", &[2, 5, 4]),
    ][seed.below(11)];
    let mut groups: Vec<String> = sizes.iter().map(|n| seed.digits(*n)).collect();
    if country == "1" {
        groups[0].replace_range(..1, seed.pick(&["2", "4", "7", "9"]));
        groups[1].replace_range(..1, seed.pick(&["2", "5", "8"]));
    }
    match seed.below(5) {
        0 => format!("+{country} {}", groups.join(" ")),
        1 => format!("+{country}-{}", groups.join("-")),
        2 => format!("+{country} ({}) {}", groups[0], groups[1..].join("-")),
        3 => format!("+{country} {}", groups.join(".")),
        _ => format!("+{country}{}", groups.concat()),
    }
}

fn not_phone(seed: &mut Seed) -> String {
    match seed.below(7) {
        0 => timestamp(seed),
        1 => format!("+{}", seed.digits(4)),
        2 => format!("{}+{}", seed.digits(3), seed.digits(9)),
        3 => format!("+0{}", seed.digits(9)),
        4 => format!("+1{}", seed.digits(6)),
        5 => format!("C++{} and 12+34", seed.below(30)),
        _ => format!("+{}.{}%", seed.below(100), seed.digits(2)),
    }
}

fn base64url(text: &str) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            out.push(char::from(alphabet[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    out
}

fn jwt(seed: &mut Seed) -> String {
    let kid = seed.digits(6);
    let header = seed.pick(&[
        "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
        "{\"typ\":\"JWT\",\"alg\":\"RS256\"}",
        "{\"alg\":\"none\"}",
    ]);
    let header =
        if seed.below(3) == 0 { format!("{{\"kid\":\"{kid}\",\"alg\":\"ES256\"}}") } else { header.to_owned() };
    let filler = "x".repeat(if seed.below(16) == 0 { 1200 } else { seed.below(60) });
    let payload = format!("{{\"sub\":\"{}\",\"exp\":{},\"pad\":\"{filler}\"}}", seed.digits(8), seed.digits(10));
    let length = [43, 86, 342][seed.below(3)];
    let signature = seed.chars(length, ALNUM);
    format!("{}.{}.{signature}", base64url(&header), base64url(&payload))
}

fn not_jwt(seed: &mut Seed) -> String {
    match seed.below(5) {
        0 => base64url(&format!("{{\"cursor\":{}}}", seed.digits(8))),
        1 => format!("eyJ.{}", seed.digits(4)),
        2 => format!("{}.{}.{}", seed.digits(2), seed.digits(2), seed.digits(4)),
        3 => seed.chars(120, ALNUM).replace("eyJ", "abc"),
        _ => "keyJoin.compositeKeys.forEach".into(),
    }
}

fn aws(seed: &mut Seed) -> String {
    let id = format!("{}{}", seed.pick(&["AKIA", "ASIA"]), seed.chars(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"));
    let secret = format!("⟦{}⟧", seed.chars(40, BASE64));
    match seed.below(6) {
        0 => format!("aws_secret_access_key = {secret}"),
        1 => format!("AWS_SECRET_ACCESS_KEY={secret}"),
        2 => format!("\"SecretAccessKey\": \"{secret}\""),
        3 => format!("secretAccessKey: '{secret}'"),
        _ => id,
    }
}

fn not_aws(seed: &mut Seed) -> String {
    match seed.below(5) {
        0 => format!("AKIA{}", seed.chars(8, UPPER)),
        1 => format!("MAKIA{}", seed.chars(16, UPPER)),
        2 => "aws_secret_access_key = ${AWS_SECRET}".into(),
        3 => seed.chars(40, BASE64),
        _ => format!("ASIA {}", seed.digits(8)),
    }
}

fn github(seed: &mut Seed) -> String {
    match seed.below(6) {
        0 => format!("github_pat_{}_{}", seed.chars(22, ALNUM), seed.chars(59, ALNUM)),
        n => format!("{}{}", ["ghp_", "gho_", "ghs_", "ghu_", "ghr_"][n - 1], seed.chars(36, ALNUM)),
    }
}

fn not_github(seed: &mut Seed) -> String {
    match seed.below(4) {
        0 => format!("ghp_{}", seed.chars(12, ALNUM)),
        1 => format!("ghs_{}_count", seed.pick(&["row", "page"])),
        2 => format!("laughs_{}", seed.chars(36, ALNUM)),
        _ => seed.chars(40, HEX),
    }
}

fn slack(seed: &mut Seed) -> String {
    match seed.below(5) {
        0 => format!("xoxb-{}-{}-{}", seed.digits(12), seed.digits(12), seed.chars(24, ALNUM)),
        1 => format!("xoxp-{}-{}-{}-{}", seed.digits(11), seed.digits(11), seed.digits(12), seed.chars(32, HEX)),
        2 => format!("xapp-1-A{}-{}-{}", seed.digits(9), seed.digits(13), seed.chars(64, HEX)),
        3 => format!("xoxa-2-{}-{}", seed.digits(12), seed.chars(20, ALNUM)),
        _ => format!("xoxs-{}-{}", seed.digits(12), seed.chars(16, ALNUM)),
    }
}

fn not_slack(seed: &mut Seed) -> String {
    match seed.below(4) {
        0 => "xoxo-hugs-and-kisses".into(),
        1 => format!("xoxb-{}", seed.digits(4)),
        2 => "xapp-name".into(),
        _ => format!("boxox-{}", seed.digits(14)),
    }
}

fn pem(seed: &mut Seed) -> String {
    let label = seed.pick(&[
        "RSA PRIVATE KEY",
        "PRIVATE KEY",
        "EC PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
    ]);
    let lines: Vec<String> = (0..seed.below(5) + 2).map(|_| seed.chars(64, BASE64)).collect();
    let tail = seed.below(40) + 4;
    format!("-----BEGIN {label}-----\n{}\n{}==\n-----END {label}-----", lines.join("\n"), seed.chars(tail, BASE64))
}

fn not_pem(seed: &mut Seed) -> String {
    let label = seed.pick(&["CERTIFICATE", "PUBLIC KEY", "RSA PUBLIC KEY"]);
    match seed.below(3) {
        0 => format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", seed.chars(64, BASE64)),
        1 => "----- BEGIN -----".into(),
        _ => "the PRIVATE KEY is in the vault".into(),
    }
}
