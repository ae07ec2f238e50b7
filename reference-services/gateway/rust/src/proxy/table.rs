//! A configuration at work: which route takes a request, and what stands behind it.

use super::checker::Checker;
use super::metrics::{Metrics, RouteCounts};
use super::problem::{NO_ROUTE, Refusal, method_not_allowed};
use super::rate::Limiter;
use super::upstream::Upstream;
use crate::config::{self, By, Config, Fault, METHODS};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Table {
    pub(super) conf: Config,
    pub(super) upstreams: BTreeMap<String, Arc<Upstream>>,
    limiters: BTreeMap<String, Arc<Limiter>>,
    pub(super) checkers: BTreeMap<String, Arc<Checker>>,
    by_host: HashMap<String, Vec<Place>>,
    /// Of routes without a host.
    others: Vec<Place>,
}

/// A prefix with the routes that share it.
#[derive(Debug, Default)]
struct Place {
    prefix: String,
    by_method: [Option<Arc<Route>>; METHODS.len()],
    allow: String,
}

/// A configured route with what it names.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) conf: config::Route,
    pub(super) upstream: Arc<Upstream>,
    pub(super) limiter: Option<(By, Arc<Limiter>)>,
    pub(super) checker: Option<Arc<Checker>>,
    pub(super) counts: Arc<RouteCounts>,
}

impl Table {
    /// Sets a configuration to work. What stays the same keeps its state.
    pub(super) fn build(
        conf: Config,
        old: Option<&Self>,
        metrics: &Metrics,
        threads: usize,
    ) -> Result<Self, Fault> {
        let mut checkers = BTreeMap::new();
        for (name, auth) in &conf.auths {
            let checker =
                Checker::open(auth, threads).map_err(|(place, what)| conf.fault(place, what))?;
            checkers.insert(name.clone(), Arc::new(checker));
        }
        let upstreams = conf.upstreams.iter().map(|(name, upstream)| {
            let before = old.filter(|old| old.conf.upstreams.get(name) == Some(upstream));
            let kept = before.and_then(|old| old.upstreams.get(name)).cloned();
            let new = || Arc::new(Upstream::new(upstream, metrics.upstream(name), threads));
            (name.clone(), kept.unwrap_or_else(new))
        });
        let limiters = conf.rates.iter().map(|(name, rate)| {
            let before = old.filter(|old| old.conf.rates.get(name) == Some(rate));
            let kept = before.and_then(|old| old.limiters.get(name)).cloned();
            (name.clone(), kept.unwrap_or_else(|| Arc::new(Limiter::new(rate))))
        });
        let mut table = Self {
            upstreams: upstreams.collect(),
            limiters: limiters.collect(),
            checkers,
            by_host: HashMap::new(),
            others: Vec::new(),
            conf,
        };
        let routes: Vec<Route> =
            table.conf.routes.iter().filter_map(|conf| table.route(conf, metrics)).collect();
        for route in routes {
            table.add(route);
        }
        for places in table.by_host.values_mut().chain([&mut table.others]) {
            places.sort_by_key(|place| Reverse(place.prefix.len()));
        }
        Ok(table)
    }

    /// A route with what it names, which the configuration has checked to be there.
    fn route(&self, conf: &config::Route, metrics: &Metrics) -> Option<Route> {
        let limiter = conf.rate.as_ref().and_then(|name| {
            Some((self.conf.rates.get(name)?.by, Arc::clone(self.limiters.get(name)?)))
        });
        Some(Route {
            upstream: Arc::clone(self.upstreams.get(&conf.upstream)?),
            limiter,
            checker: conf.auth.as_ref().and_then(|name| self.checkers.get(name)).cloned(),
            counts: metrics.route(&conf.name),
            conf: conf.clone(),
        })
    }

    fn add(&mut self, route: Route) {
        let route = Arc::new(route);
        let places = match route.conf.host.as_str() {
            "" => &mut self.others,
            host => self.by_host.entry(host.to_owned()).or_default(),
        };
        let known = places.iter().position(|place| place.prefix == route.conf.path);
        if known.is_none() {
            places.push(Place { prefix: route.conf.path.clone(), ..Place::default() });
        }
        let place = known.unwrap_or(places.len() - 1);
        let Some(place) = places.get_mut(place) else { return };
        for (method, slot) in METHODS.iter().zip(&mut place.by_method) {
            if route.conf.methods.contains(method) {
                *slot = Some(Arc::clone(&route));
            }
        }
        let taken = METHODS.iter().zip(&place.by_method).filter(|(_, slot)| slot.is_some());
        place.allow = taken.map(|(method, _)| *method).collect::<Vec<_>>().join(", ");
    }

    /// The route of a request by its host, its decoded path and its method.
    pub(super) fn find(&self, host: &[u8], path: &[u8], method: &[u8]) -> Result<&Route, Refusal> {
        let hosted = if self.by_host.is_empty() { None } else { self.by_host.get(&host_of(host)) };
        let place = hosted.and_then(|places| longest(places, path));
        let place = place.or_else(|| longest(&self.others, path)).ok_or(NO_ROUTE)?;
        let slot = METHODS.iter().position(|known| known.as_bytes() == method);
        let route = slot.and_then(|slot| place.by_method.get(slot)?.as_deref());
        route.ok_or_else(|| method_not_allowed(&place.allow))
    }
}

fn longest<'a>(places: &'a [Place], path: &[u8]) -> Option<&'a Place> {
    places.iter().find(|place| {
        let rest = path.strip_prefix(place.prefix.as_bytes());
        rest.is_some_and(|rest| place.prefix == "/" || matches!(rest, [] | [b'/', ..]))
    })
}

/// A `Host` field without its port, in small letters.
fn host_of(host: &[u8]) -> String {
    let host = String::from_utf8_lossy(host).to_ascii_lowercase();
    match host.split_once(':') {
        Some((name, port)) if !port.contains(':') => name.to_owned(),
        _ => host,
    }
}
