%% The shapes of pair/shapes.ts and mesh.ts on the BEAM: two or four nodes of
%% Erlang's distribution in as many operating-system processes. The node that
%% measures starts the others, which end with it. When a Hornbeam node measures,
%% partner/0 is the other node.
-module(bench_process).
-export([run/2, partner/0, counter/2, echo/1, sender/3]).

-define(ONE_WAY_MAX, 20_000_000).
-define(ROUND_TRIPS_MAX, 1_000_000).
-define(CROWD, 16).
-define(ROUNDS_MAX, 100_000).
-define(SMALL_BYTES, 16).
-define(BLOB_BYTES, 67_108_864).
-define(FILLER_BYTES, 65_536).
-define(BESIDE_BLOBS_MAX, 1_000).
-define(FOREVER, 16#4000000000000).
-define(MONITORS, 100_000).
-define(FEW_MONITORS, 1_000).
-define(MESH_BYTES, 100).
-define(MESH_ROUNDS_MAX, 5_000_000).

run("blob-p99", Plan) ->
    with_nodes([second], fun([Second]) -> beside_blobs(Plan, Second) end);
run("broadcast-mesh", Plan) ->
    with_nodes([second, third, fourth], fun(Others) -> mesh(Plan, Others) end);
run("monitors-100k", Plan) ->
    with_nodes([second], fun([Second]) -> monitors(Plan, Second) end);
run("one-way-beside-stopped", Plan) ->
    with_nodes([second, stopped], fun([Second, Stopped]) ->
        beside_stopped(Plan, Second, Stopped)
    end);
run("one-way-" ++ Size, Plan) ->
    with_nodes([second], fun([Second]) ->
        one_way(Plan, Second, bytes(Size))
    end);
run("round-trip-" ++ Size, Plan) ->
    with_nodes([second], fun([Second]) ->
        Bounds = {100, ?ROUND_TRIPS_MAX},
        round_trips(Plan, Bounds, Second, bytes(Size), fun() -> [] end)
    end);
run("many-to-many-" ++ Size, Plan) ->
    with_nodes([second], fun([Second]) ->
        many_to_many(Plan, Second, bytes(Size))
    end).

bytes("16B") -> 16;
bytes("100B") -> 100;
bytes("1KiB") -> 1_024;
bytes("64KiB") -> 65_536.

%% Connects to the node that has started this one.
partner() ->
    true = net_kernel:connect_node('first@127.0.0.1'),
    io:format("{\"hello\":{}}~n"),
    _ = io:get_line(""),
    halt(0).

with_nodes(Names, Measure) ->
    Started = [bench_main:start_node(start_link, Name) || Name <- Names],
    Figures = Measure([Node || {_Peer, Node} <- Started]),
    [ok = peer:stop(Peer) || {Peer, _Node} <- Started],
    Figures.


one_way(Plan, Second, Bytes) ->
    bench_main:measure(Plan, ?ONE_WAY_MAX, 1, fun(Count) ->
        Counter = spawn(Second, ?MODULE, counter, [Count, self()]),
        sender(Count, [Counter], Bytes),
        receive done -> ok end
    end).

%% First and Max bound the count; Extra gives further figures.
round_trips(Plan, {First, Max}, Second, Bytes, Extra) ->
    Payload = payload(Bytes),
    Echo = spawn(Second, ?MODULE, echo, [self()]),
    bench_main:measure_from(
        Plan,
        First,
        Max,
        fun(Count) ->
            Now = erlang:monotonic_time(),
            put(latencies, there_and_back(Count, Echo, Payload, Now, []))
        end,
        fun() -> bench_main:percentiles(get(latencies)) ++ Extra() end
    ).

there_and_back(0, _Echo, _Payload, _Before, Latencies) ->
    Latencies;
there_and_back(N, Echo, Payload, Before, Latencies) ->
    Echo ! Payload,
    receive Answer when is_binary(Answer) -> ok end,
    Now = erlang:monotonic_time(),
    there_and_back(N - 1, Echo, Payload, Now, [Now - Before | Latencies]).

many_to_many(Plan, Second, Bytes) ->
    Units = 2 * ?CROWD * ?CROWD,
    bench_main:measure(Plan, ?ROUNDS_MAX, Units, fun(Rounds) ->
        Nodes = [node(), Second],
        [Here, There] = [
            [
                spawn(Node, ?MODULE, counter, [?CROWD * Rounds, self()])
             || _ <- lists:seq(1, ?CROWD)
            ]
         || Node <- Nodes
        ],
        [
            spawn(Node, ?MODULE, sender, [Rounds, To, Bytes])
         || {Node, To} <- [{node(), There}, {Second, Here}],
            _ <- lists:seq(1, ?CROWD)
        ],
        await_done(2 * ?CROWD)
    end).

beside_blobs(Plan, Second) ->
    BlobBytes = bench_main:size(Plan, ?BLOB_BYTES),
    Sink = spawn(Second, ?MODULE, counter, [?FOREVER, self()]),
    Sent = counters:new(1, []),
    Stream = spawn(fun() -> stream(Sink, payload(BlobBytes), Sent) end),
    StartedAt = erlang:monotonic_time(),
    %% Of the whole run, since the stream knows nothing of the timed part.
    Bounds = {1, ?BESIDE_BLOBS_MAX},
    Figures = round_trips(Plan, Bounds, Second, ?SMALL_BYTES, fun() ->
        Elapsed = erlang:monotonic_time() - StartedAt,
        Us = erlang:convert_time_unit(Elapsed, native, microsecond),
        [{blobMbs, counters:get(Sent, 1) * BlobBytes / Us}]
    end),
    exit(Stream, kill),
    Figures.

stream(Sink, Blob, Sent) ->
    Sink ! Blob,
    counters:add(Sent, 1, 1),
    stream(Sink, Blob, Sent).

%% The stream is suspended once the connection's buffer is full.
beside_stopped(Plan, Second, Stopped) ->
    Sink = spawn(Stopped, ?MODULE, counter, [?FOREVER, self()]),
    Sent = counters:new(1, []),
    OsPid = erpc:call(Stopped, os, getpid, []),
    [] = os:cmd("kill -STOP " ++ OsPid),
    Stream = spawn(fun() -> stream(Sink, payload(?FILLER_BYTES), Sent) end),
    try
        await_suspended(Stream),
        Figures = one_way(Plan, Second, ?SMALL_BYTES),
        {status, suspended} = process_info(Stream, status),
        Figures
    after
        os:cmd("kill -CONT " ++ OsPid),
        exit(Stream, kill)
    end.

await_suspended(Stream) ->
    case process_info(Stream, status) of
        {status, suspended} -> ok;
        {status, _} ->
            receive after 5 -> await_suspended(Stream) end
    end.

%% Monitors of one process on the other node, which ends.
monitors(Plan, Second) ->
    Few = monitors(Plan, Second, ?FEW_MONITORS),
    Many = monitors(Plan, Second, ?MONITORS),
    {rate, FewRate} = lists:keyfind(rate, 1, Few),
    {rate, Rate} = lists:keyfind(rate, 1, Many),
    Many ++ [{slowdown, FewRate / Rate}].

monitors(Plan, Second, Full) ->
    Size = bench_main:size(Plan, Full),
    bench_main:measure(Plan, 10_000, Size, fun(Count) ->
        monitor_rounds(Count, Second, Size)
    end).

monitor_rounds(0, _Second, _Size) ->
    ok;
monitor_rounds(Count, Second, Size) ->
    Target = spawn(Second, ?MODULE, counter, [1, self()]),
    monitor_all(Size, Target),
    Target ! payload(1),
    await_downs(Size),
    await_done(1),
    monitor_rounds(Count - 1, Second, Size).

monitor_all(0, _Target) ->
    ok;
monitor_all(N, Target) ->
    monitor(process, Target),
    monitor_all(N - 1, Target).

await_downs(0) ->
    ok;
await_downs(N) ->
    receive {'DOWN', _, process, _, _} -> await_downs(N - 1) end.

mesh(Plan, Others) ->
    Nodes = [node() | Others],
    Units = length(Nodes) * length(Others),
    bench_main:measure(Plan, ?MESH_ROUNDS_MAX, Units, fun(Rounds) ->
        Expected = length(Others) * Rounds,
        Counters = [
            {Node, spawn(Node, ?MODULE, counter, [Expected, self()])}
         || Node <- Nodes
        ],
        [
            spawn(Node, ?MODULE, sender, [
                Rounds,
                [Counter || {Where, Counter} <- Counters, Where =/= Node],
                ?MESH_BYTES
            ])
         || Node <- Nodes
        ],
        await_done(length(Nodes))
    end).

await_done(0) ->
    ok;
await_done(Left) ->
    receive done -> await_done(Left - 1) end.

counter(0, Owner) ->
    Owner ! done;
counter(N, Owner) ->
    receive Payload when is_binary(Payload) -> counter(N - 1, Owner) end.

echo(Owner) ->
    receive
        Payload when is_binary(Payload) ->
            Owner ! Payload,
            echo(Owner)
    end.

%% Rounds messages to each of the processes, in turn. The BEAM suspends the
%% sender while a connection's buffer is full.
sender(Rounds, To, Bytes) ->
    send_rounds(Rounds, To, payload(Bytes)).

send_rounds(0, _To, _Payload) ->
    ok;
send_rounds(Left, To, Payload) ->
    send_round(To, Payload),
    send_rounds(Left - 1, To, Payload).

send_round([], _Payload) ->
    ok;
send_round([One | Others], Payload) ->
    One ! Payload,
    send_round(Others, Payload).

%% Bytes that are no valid UTF-8, so that they are bytes on every side.
payload(Bytes) ->
    binary:copy(<<255>>, Bytes).
