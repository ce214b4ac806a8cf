//! Reasons in words, as whoever pays may read them.

/// Why a payment was canceled; empty for a reason that only a newer version of this service knows.
pub(super) fn of_cancellation(reason: &str) -> &'static str {
    match reason {
        "requested" => "It was canceled on request.",
        "expired" => "It was not completed in time and has expired.",
        _ => "",
    }
}

/// Why a payment was refused, by the codes that providers use for it. Empty for what is not known, and for what
/// should not be told: whether a card counts as lost or stolen, or an order as fraud, is the bank's to say, and
/// helps only somebody who should not have the card.
pub(super) fn of_decline(code: &str) -> &'static str {
    match code {
        "insufficient_funds" => "There were not enough funds.",
        "expired_card" => "The card has expired.",
        "incorrect_cvc" | "invalid_cvc" => "The security code was wrong.",
        "incorrect_number" | "invalid_number" => "The card number was wrong.",
        "card_declined" | "do_not_honor" | "generic_decline" => "The bank declined it.",
        "card_not_supported" | "currency_not_supported" => "The card cannot be used for this payment.",
        "limit_exceeded" | "card_velocity_exceeded" | "withdrawal_count_limit_exceeded" => {
            "A limit of the card was reached."
        }
        "unknown_token" => "The means of payment is not known.",
        "authentication_required" => "The bank asked for a confirmation that was not given.",
        "processing_error" | "issuer_not_available" | "try_again_later" => "The bank could not be reached.",
        _ => "",
    }
}
