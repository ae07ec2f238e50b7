//! The JSON API reference service: prices an order.
