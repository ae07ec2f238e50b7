"""redis-py against a running twin: python redis_py.py PORT [CERTIFICATE], over TLS if there is one."""

import sys
import redis

port = int(sys.argv[1])
tls = {"ssl": True, "ssl_ca_certs": sys.argv[2]} if len(sys.argv) > 2 else {}
for protocol in (2, 3):
    r = redis.Redis("127.0.0.1", port=port, db=1, protocol=protocol, decode_responses=True, client_name="check", **tls)
    r.flushdb()
    assert r.ping() and r.client_getname() == "check"
    assert r.set("k", "v", ex=100, nx=True) and r.set("k", "w", nx=True) is None
    assert r.get("k") == "v" and r.get("missing") is None and 99 <= r.ttl("k") <= 100
    assert r.set("k", "w", get=True) == "v" and r.getex("k", persist=True) == "w"
    assert r.mset({"a": 1, "b": 2}) and r.mget("a", "x", "b") == ["1", None, "2"]
    assert r.incr("n") == 1 and r.incrbyfloat("n", 0.5) == 1.5
    assert r.hset("h", mapping={"f": "v", "g": "w"}) == 2 and r.hgetall("h") == {"f": "v", "g": "w"}
    assert r.hmget("h", "f", "x") == ["v", None] and dict(r.hscan_iter("h")) == r.hgetall("h")
    assert r.expire("h", 100, lt=True) and r.expiretime("h") > 1_700_000_000
    assert r.lcs("a", "b") == "" and r.setbit("bits", 7, 1) == 0 and r.bitcount("bits") == 1
    assert r.copy("k", "c") and r.rename("c", "d") and r.type("d") == "string" and r.object("encoding", "d")

    for n in range(1000):
        r.set(f"many:{n}", n)
    assert len(set(r.scan_iter("many:*", count=50))) == 1000

    with r.pipeline() as pipe:
        assert pipe.incr("p").incr("p").get("missing").execute() == [1, 2, None]
    with r.pipeline(transaction=False) as pipe:
        for n in range(1000):
            pipe.get(f"many:{n}")
        assert pipe.execute() == [str(n) for n in range(1000)]
    with r.pipeline() as pipe:
        pipe.watch("p")
        r.set("p", 7)
        pipe.multi()
        pipe.incr("p")
        try:
            pipe.execute()
            raise SystemExit("a watched key changed, and the transaction ran")
        except redis.WatchError:
            pass

    try:
        r.incr("h")
        raise SystemExit("INCR of a hash")
    except redis.ResponseError as error:
        assert "WRONGTYPE" in str(error)
    assert r.info()["redis_version"] == "7.0.15" and r.info("keyspace")["db1"]["keys"] > 1000
    assert r.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-s3fifo"}
    assert any(client["name"] == "check" for client in r.client_list())
    assert "get" in r.command() and r.command_count() > 60 and r.time()[0] > 0
    assert r.memory_usage("k") > 0 and r.dbsize() > 1000
    r.close()
