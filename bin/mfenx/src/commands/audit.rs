//! `mfenx audit`.

use crate::{args::AuditCommand, output};
use mfenx_node::{NodeError, show_audit, verify_audit};

pub(crate) fn run(command: AuditCommand) -> Result<(), NodeError> {
    match command {
        AuditCommand::Verify(args) => {
            output::result(&verify_audit(&args.log.paths, args.key, args.contains)?);
            Ok(())
        }
        AuditCommand::Show(args) => show_audit(&args.log.paths, args.json, output::result),
    }
}
