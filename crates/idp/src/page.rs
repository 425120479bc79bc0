//! The page on which a person confirms a device login: one form, no script.

use crate::{Config, User};

/// Asks for the code and for who is signing in.
pub(crate) fn ask(config: &Config, user_code: &str) -> String {
    let button = |user: &User| {
        let (sub, groups) = (escape(&user.sub), escape(&user.groups.join(", ")));
        format!(r#"<p><button name="sub" value="{sub}">Continue as <b>{sub}</b></button> {groups}</p>"#)
    };
    let buttons: String = config.users.iter().map(button).collect();
    let code = escape(user_code);
    frame(&format!(
        r#"<form method="post" action="/device"><p><label>Code <input name="user_code" value="{code}" required></label></p>
{buttons}<p><button name="deny" value="1">Refuse</button></p></form>"#
    ))
}

/// Says what came of it.
pub(crate) fn tell(text: &str) -> String {
    frame(&format!("<p>{}</p>", escape(text)))
}

fn frame(body: &str) -> String {
    format!(
        r#"<!doctype html><html lang="en"><meta charset="utf-8"><title>Demo sign-in</title>
<style>body{{font:16px system-ui;max-width:32rem;margin:4rem auto;padding:0 1rem}}button,input{{font:inherit;padding:.4rem .8rem}}</style>
<h1>Demo sign-in</h1>{body}</html>"#
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_from_the_address_cannot_break_out_of_the_page() {
        let page = ask(&Config::default(), r#""><script>alert(1)</script>"#);
        assert!(!page.contains("<script>"), "{page}");
    }
}
