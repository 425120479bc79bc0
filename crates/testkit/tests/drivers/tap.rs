//! A listener in front of a MySQL gateway that keeps what its clients begin with: whether they really asked for TLS.
//!
//! A driver that cannot have TLS may go on without, and say nothing. What went over the wire cannot be mistaken.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The first bytes of each connection.
type Openings = Arc<Mutex<Vec<Vec<u8>>>>;

/// Passes everything on, until the test's process ends.
pub struct Tap {
    address: SocketAddr,
    openings: Openings,
}

/// A request for TLS, and a bit of what follows it.
const ENOUGH: usize = 64;

impl Tap {
    pub fn before(gateway: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let openings = Openings::default();
        let kept = Arc::clone(&openings);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                thread::spawn(move || pass(client, gateway, &kept));
            }
        });
        Self { address, openings }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The connections that were made, with whether each was encrypted from its first byte of any weight.
    pub fn encrypted(&self) -> Vec<bool> {
        let openings = self.openings.lock().unwrap_or_else(PoisonError::into_inner);
        openings.iter().map(|opening| is_encrypted(opening)).collect()
    }
}

/// SSLRequest, the packet of 32 bytes with nothing in it but flags, and then a TLS handshake.
fn is_encrypted(opening: &[u8]) -> bool {
    const HEADER: &[u8] = &[32, 0, 0, 1];
    const CLIENT_SSL: u8 = 0x0800_u16.to_be_bytes()[0];
    opening.starts_with(HEADER) && opening[5] & CLIENT_SSL != 0 && opening.get(36..38) == Some(&[22, 3])
}

fn pass(mut client: TcpStream, gateway: SocketAddr, openings: &Openings) {
    let Ok(mut gateway) = TcpStream::connect(gateway) else { return };
    let (Ok(mut back), Ok(mut from)) = (client.try_clone(), gateway.try_clone()) else { return };
    let answers = thread::spawn(move || {
        let _ = io::copy(&mut from, &mut back);
        let _ = back.shutdown(Shutdown::Write);
    });
    let number = {
        let mut openings = openings.lock().unwrap_or_else(PoisonError::into_inner);
        openings.push(Vec::new());
        openings.len() - 1
    };
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        {
            let opening = &mut openings.lock().unwrap_or_else(PoisonError::into_inner)[number];
            let wanted = ENOUGH.saturating_sub(opening.len()).min(read);
            opening.extend_from_slice(&buffer[..wanted]);
        }
        if gateway.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = gateway.shutdown(Shutdown::Write);
    let _ = answers.join();
}
