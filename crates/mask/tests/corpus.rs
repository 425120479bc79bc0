//! Recall and precision on the labelled corpus, printed as the table of README.md.
//!
//! `corpus/labelled.tsv` has one value a line: `detector<TAB>positive|negative<TAB>kind<TAB>value`, where a positive marks
//! its secret with `⟦` and `⟧`. It is made by the generator below, so that it can be grown and told from noise; a test
//! holds the two together.

#[path = "../corpus/generate.rs"]
mod generate;

use std::collections::BTreeMap;

use portcullis_mask::{Detectors, Pattern, ValueKind};

/// What a detector must reach: recall and precision in thousandths.
const LEAST: [(&str, u32, u32); 10] = [
    ("credit_card", 990, 980),
    ("us_ssn", 990, 980),
    ("email", 990, 980),
    ("iban", 990, 980),
    ("phone", 990, 970),
    ("jwt", 990, 990),
    ("aws_key", 990, 990),
    ("github_token", 990, 990),
    ("slack_token", 990, 990),
    ("private_key", 990, 990),
];

#[derive(Debug, Default, Clone, Copy)]
struct Score {
    positives: u32,
    found: u32,
    negatives: u32,
    false_hits: u32,
}

impl Score {
    fn recall(self) -> u32 {
        self.found * 1000 / self.positives.max(1)
    }

    fn precision(self) -> u32 {
        self.found * 1000 / (self.found + self.false_hits).max(1)
    }
}

#[test]
fn the_committed_corpus_is_what_the_generator_makes() {
    assert!(
        generate::corpus() == include_str!("../corpus/labelled.tsv"),
        "run `cargo test -p portcullis-mask -- --ignored`"
    );
}

#[test]
#[ignore = "writes the corpus; run it after a change of the generator"]
fn write_the_corpus() {
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/labelled.tsv"), generate::corpus()).unwrap();
}

#[test]
fn every_detector_reaches_its_recall_and_precision() {
    let scores = score();
    let mut table = String::from(
        "\n| detector | positives | recall | negatives | false hits | precision |\n|---|---|---|---|---|---|\n",
    );
    for (name, score) in &scores {
        let part = |n: u32| format!("{}.{} %", n / 10, n % 10);
        let Score { positives, negatives, false_hits, .. } = score;
        let (recall, precision) = (part(score.recall()), part(score.precision()));
        table += &format!("| {name} | {positives} | {recall} | {negatives} | {false_hits} | {precision} |\n");
    }
    let short = LEAST.iter().filter(|(name, recall, precision)| {
        let score = scores.get(*name).copied().unwrap_or_default();
        score.positives < 100 || score.recall() < *recall || score.precision() < *precision
    });
    let short: Vec<_> = short.collect();
    std::io::Write::write_all(&mut std::io::stderr(), table.as_bytes()).unwrap();
    assert!(short.is_empty(), "{table}\nbelow their least: {short:?}");
}

/// A positive is found when no byte of its secret is left; a false hit is a detector that fires on a negative, or one
/// beside the secret's own on a positive.
fn score() -> BTreeMap<String, Score> {
    let built_in = Pattern::ALL.into_iter().filter(|p| *p != Pattern::UsSsnBare);
    let detectors = built_in.fold(Detectors::builder(), |b, p| b.pattern(p, "secret")).build().unwrap();
    let names: Vec<String> = detectors.names().map(|(name, _)| name.to_owned()).collect();
    let mut scores: BTreeMap<String, Score> = BTreeMap::new();
    let mut misses = String::new();
    for line in include_str!("../corpus/labelled.tsv").lines() {
        let mut fields = line.splitn(4, '\t');
        let [label, sign, kind, marked] = std::array::from_fn(|_| fields.next().unwrap());
        let (value, secret) = unmark(&marked.replace("\\n", "\n"));
        let mut bytes = value.clone().into_bytes();
        let hits = detectors.mask_value(&mut bytes, if kind == "json" { ValueKind::Json } else { ValueKind::Text });
        let wrong = |name: &str| sign == "negative" || name != label;
        for (_, name) in names.iter().enumerate().filter(|(index, name)| hits.of(*index) > 0 && wrong(name)) {
            misses += &format!("false hit of {name}: {marked}\n");
            scores.entry(name.clone()).or_default().false_hits += 1;
        }
        if sign == "positive" {
            let score = scores.entry(label.to_owned()).or_default();
            score.positives += 1;
            let clean = is_clean(&value.as_bytes()[secret.clone()], &bytes[secret]);
            score.found += u32::from(clean);
            if !clean {
                misses += &format!("missed {label}: {marked}\n");
            }
        } else {
            scores.entry(label.to_owned()).or_default().negatives += 1;
        }
    }
    std::io::Write::write_all(&mut std::io::stderr(), misses.as_bytes()).unwrap();
    scores
}

/// No letter or digit of the secret is left at its place; a line end written as an escape is not part of it.
fn is_clean(secret: &[u8], masked: &[u8]) -> bool {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("\\u000a", "\n");
    let (secret, masked) = (text(secret), text(masked));
    secret.len() == masked.len()
        && secret.bytes().zip(masked.bytes()).all(|(a, b)| a != b || !a.is_ascii_alphanumeric())
}

fn unmark(marked: &str) -> (String, std::ops::Range<usize>) {
    match (marked.find('⟦'), marked.find('⟧')) {
        (Some(start), Some(end)) => {
            let value = marked.replace(['⟦', '⟧'], "");
            (value, start..end - '⟦'.len_utf8())
        }
        _ => (marked.to_owned(), 0..0),
    }
}
