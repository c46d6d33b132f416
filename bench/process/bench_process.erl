%% The shapes of shapes.ts on the BEAM: two nodes of Erlang's distribution in
%% two operating-system processes. The node that measures starts the other one,
%% which ends with it. When a node of ours measures, partner/0 is the other one.
-module(bench_process).
-export([run/2, partner/0, counter/2, echo/1, send_all/2]).

-define(PAYLOAD, <<0:128>>).
-define(ONE_WAY_MAX, 20_000_000).
-define(ROUND_TRIPS_MAX, 1_000_000).

run(Name, Plan) ->
    {Peer, Second} = start_second(),
    Figures = run(Name, Plan, Second),
    ok = peer:stop(Peer),
    Figures.

run("one-way-16B", Plan, Second) ->
    bench_main:measure(Plan, ?ONE_WAY_MAX, 1, fun(Count) ->
        Counter = spawn(Second, ?MODULE, counter, [Count, self()]),
        send_all(Count, Counter),
        receive done -> ok end
    end);
run("round-trip-16B", Plan, Second) ->
    Echo = spawn(Second, ?MODULE, echo, [self()]),
    bench_main:measure(
        Plan,
        ?ROUND_TRIPS_MAX,
        1,
        fun(Count) ->
            Now = erlang:monotonic_time(),
            put(latencies, round_trips(Count, Echo, Now, []))
        end,
        fun() -> percentiles(lists:sort(get(latencies))) end
    ).

%% Connects to the node that has started this one.
partner() ->
    true = net_kernel:connect_node('first@127.0.0.1'),
    io:format("{\"hello\":{}}~n"),
    _ = io:get_line(""),
    halt(0).

%% This node's own cookie and code path are the other one's as well.
start_second() ->
    {ok, Peer, Node} = peer:start_link(#{
        name => second,
        host => "127.0.0.1",
        args => [
            "-pa", filename:dirname(code:which(?MODULE)),
            "-setcookie", atom_to_list(erlang:get_cookie()),
            "-start_epmd", "false",
            "-kernel", "inet_dist_use_interface", "{127,0,0,1}"
        ]
    }),
    {Peer, Node}.

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

%% The BEAM suspends the sender while the connection's buffer is full.
send_all(0, _To) ->
    ok;
send_all(N, To) ->
    To ! ?PAYLOAD,
    send_all(N - 1, To).

round_trips(0, _Echo, _Before, Latencies) ->
    Latencies;
round_trips(N, Echo, Before, Latencies) ->
    Echo ! ?PAYLOAD,
    receive Payload when is_binary(Payload) -> ok end,
    Now = erlang:monotonic_time(),
    round_trips(N - 1, Echo, Now, [Now - Before | Latencies]).

percentiles(Sorted) ->
    Length = length(Sorted),
    At = fun(Share) ->
        Native = lists:nth(ceil(Share * Length), Sorted),
        erlang:convert_time_unit(Native, native, nanosecond) / 1000
    end,
    [{latencyUsP50, At(0.5)}, {latencyUsP99, At(0.99)}].
