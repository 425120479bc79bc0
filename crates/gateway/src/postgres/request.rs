//! What a startup packet asks for.

use portcullis_postgres::options::{self, Setting};
use portcullis_postgres::sign_in::SIGN_IN_OPTION;
use portcullis_postgres::startup::FirstPacket;
use portcullis_wire::{Fault, Unexpected, Unsupported};

/// What a client asks for in its startup packet.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) minor: u16,
    pub(crate) user: String,
    pub(crate) database: String,
    pub(crate) application: String,
    /// Settings of the session, in order, without the gateway's own.
    settings: Vec<Setting>,
    /// Those that stood in `options`.
    from_options: Vec<Setting>,
    pub(crate) sign_in: Option<Vec<u8>>,
    /// Protocol extensions that we do not know.
    pub(super) extensions: Vec<Vec<u8>>,
}

impl Request {
    /// Reads a startup packet.
    pub(crate) fn of(packet: &[u8]) -> Result<Self, Fault> {
        let FirstPacket::Startup(startup) = FirstPacket::decode(packet)? else {
            return Err(Unexpected("startup").into());
        };
        if startup.replication() {
            return Err(Unsupported("replication").into());
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let user = text(startup.user().ok_or(Unexpected("startup without a user"))?);
        let mut request = Self {
            minor: startup.protocol_minor,
            database: startup.database().map_or_else(|| user.clone(), text),
            user,
            application: startup.parameter(b"application_name").map(text).unwrap_or_default(),
            settings: Vec::new(),
            from_options: Vec::new(),
            sign_in: None,
            extensions: startup.protocol_options().map(|(name, _)| name.to_vec()).collect(),
        };
        for (name, value) in startup.parameters() {
            match name {
                b"user" | b"database" | b"replication" => {}
                _ if name.starts_with(b"_pq_.") => {}
                b"options" => request.take_options(value)?,
                SIGN_IN_OPTION => request.sign_in = Some(value.to_vec()),
                _ => request.settings.push(Setting { name: name.to_ascii_lowercase(), value: value.to_vec() }),
            }
        }
        Ok(request)
    }

    fn take_options(&mut self, value: &[u8]) -> Result<(), Fault> {
        for setting in options::read(value)? {
            if setting.name == SIGN_IN_OPTION {
                self.sign_in = Some(setting.value);
            } else {
                self.from_options.push(setting);
            }
        }
        Ok(())
    }

    /// Every setting, in the order in which the server applies them.
    pub(super) fn all_settings(&self) -> impl Iterator<Item = &Setting> {
        self.from_options.iter().chain(&self.settings)
    }

    /// The parameters for the upstream's own startup packet.
    pub(super) fn parameters(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut parameters: Vec<_> =
            self.settings.iter().map(|setting| (setting.name.clone(), setting.value.clone())).collect();
        if !self.from_options.is_empty() {
            parameters.push((b"options".to_vec(), options::write(&self.from_options)));
        }
        parameters
    }
}
