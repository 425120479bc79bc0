//! The decision cache: what shares a decision, and what must never.

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_inspect::Cache;

use crate::bench::*;

async fn session(cache: &Arc<Cache>) -> Bench {
    Bench::with(world(1, NO_SECRET, nothing(), cache.clone()), HashMap::new()).await
}

#[tokio::test]
async fn literals_share_a_decision_and_principals_do_not() {
    let cache = Arc::new(Cache::default());
    let mut s = session(&cache).await;
    for id in 1..=3 {
        s.talk(query(&format!("SELECT x FROM orders WHERE id = {id}"))).await;
    }
    assert_eq!(cache.counters().found, 2);
    assert_eq!(s.stage.analyses.lock().unwrap().len(), 1);
    let world = s.stage.world.lock().unwrap().clone();
    let mut other = Bench::on(s.stage.clone(), world, HashMap::new(), "bob").await;
    other.talk(query("SELECT x FROM orders WHERE id = 9")).await;
    assert_eq!(cache.counters().found, 2);
}

#[tokio::test]
async fn a_new_epoch_decides_anew() {
    let cache = Arc::new(Cache::default());
    let mut s = session(&cache).await;
    s.talk(query("SELECT * FROM app.t")).await;
    let forbid = r#"permit (principal, action, resource); forbid (principal, action, resource in Schema::"shop.app");"#;
    *s.stage.world.lock().unwrap() = world(2, forbid, nothing(), cache);
    assert_eq!(s.talk(query("SELECT * FROM app.t")).await, "E(42501) Z(I)");
}

#[tokio::test]
async fn a_setting_named_by_a_literal_is_its_own() {
    let cache = Arc::new(Cache::default());
    let mut s = session(&cache).await;
    s.talk(query("SELECT set_config('application_name', 'secret', false)")).await;
    s.talk(query("SELECT set_config('search_path', 'secret', false)")).await;
    assert_eq!(s.talk(query("SELECT * FROM t")).await, "E(42501) Z(I)");
}

#[tokio::test]
async fn a_text_is_never_taken_for_another_with_types() {
    let mut s = Bench::new(NO_SECRET).await;
    // One text with declared types, and another that ends in the bytes of those types.
    let text = b"SELECT x AS x FROM orders";
    let mut body = b"\0".to_vec();
    body.extend_from_slice(text);
    let tail = *b", (SELECT id FROM secret.hidden)    ";
    body.extend_from_slice(&[0, 0, (tail.len() / 4) as u8]);
    body.extend_from_slice(&tail);
    let mut frame = vec![b'P'];
    frame.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    frame.extend_from_slice(&body);
    s.send(&[frame, sync()].concat()).await;
    assert_eq!(s.until(1).await, "1 Z(I)");
    let mut smuggled = text.to_vec();
    smuggled.push(0xfe);
    smuggled.extend_from_slice(&tail);
    let mut frame = vec![b'Q'];
    frame.extend_from_slice(&(smuggled.len() as u32 + 5).to_be_bytes());
    frame.extend_from_slice(&smuggled);
    frame.push(0);
    assert!(s.talk(frame).await.starts_with('E'));
    assert!(s.ran().is_empty());
}
