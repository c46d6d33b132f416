%% The shapes of names.ts on the BEAM: five nodes in as many operating-system
%% processes. The node that measures starts the others, which end with it.
-module(bench_names).
-export([run/2, owner/1, watcher/1, standby/1]).

-define(CALLERS, 100).
-define(CHANGES_MAX, 100_000).
-define(WARM_ROUNDS, 1_000).
-define(LOOKUPS_MAX, 50_000_000).
-define(FAILOVERS, 10).
-define(NAME, service).
-define(GROUP, group).

run(Row, Plan) ->
    {ok, _} = pg:start(pg),
    Peers = [start_node(Name) || Name <- [second, third, fourth, fifth]],
    Figures = run(Row, Plan, Peers),
    [catch peer:stop(Peer) || {Peer, _Node} <- Peers],
    Figures.

run("global-register-1", Plan, _Peers) ->
    First = bench_main:size(Plan, ?WARM_ROUNDS),
    bench_main:measure_from(Plan, First, ?CHANGES_MAX, fun(Rounds) ->
        give_and_take(Rounds, one)
    end, fun() -> [] end);
run("global-register-100", Plan, _Peers) ->
    Max = ?CHANGES_MAX div ?CALLERS,
    bench_main:measure(Plan, Max, ?CALLERS, fun(Rounds) ->
        Self = self(),
        [
            spawn(fun() ->
                give_and_take(Rounds, {caller, Number}),
                Self ! done
            end)
         || Number <- lists:seq(1, ?CALLERS)
        ],
        [receive done -> ok end || _ <- lists:seq(1, ?CALLERS)]
    end);
run("pg-join-5th", Plan, Peers) ->
    {_, Fifth} = lists:last(Peers),
    spawn(Fifth, ?MODULE, watcher, [self()]),
    receive done -> ok end,
    First = bench_main:size(Plan, ?WARM_ROUNDS),
    Nothing = fun() -> [] end,
    bench_main:measure_from(Plan, First, ?CHANGES_MAX, fun join/1, Nothing);
run("whereis", Plan, Peers) ->
    {_, Fifth} = lists:last(Peers),
    spawn(Fifth, ?MODULE, owner, [self()]),
    receive done -> ok end,
    bench_main:measure(Plan, ?LOOKUPS_MAX, 1, fun look_up/1);
run("failover", Plan, Peers) ->
    {_, Fifth} = lists:last(Peers),
    Survivors = [node() | [Node || {_, Node} <- lists:droplast(Peers)]],
    Run = fun(Count) ->
        put(latencies, [fail_over(Fifth, Survivors) || _ <- lists:seq(1, Count)])
    end,
    Extra = fun() -> bench_main:percentiles(get(latencies)) end,
    Before = fun() -> ok end,
    bench_main:measure_exactly(Plan, 1, ?FAILOVERS, Before, Run, Extra).

%% Not linked, since some rows kill a node.
start_node(Name) ->
    {Peer, Node} = bench_main:start_node(start, Name),
    {ok, _} = erpc:call(Node, pg, start, [pg]),
    ok = global:sync(),
    {Peer, Node}.

give_and_take(0, _Name) ->
    ok;
give_and_take(Left, Name) ->
    yes = global:register_name(Name, self()),
    global:unregister_name(Name),
    give_and_take(Left - 1, Name).

join(0) ->
    ok;
join(Left) ->
    ok = pg:join(?GROUP, self()),
    receive done -> ok end,
    ok = pg:leave(?GROUP, self()),
    join(Left - 1).

look_up(0) ->
    ok;
look_up(Left) ->
    true = is_pid(global:whereis_name(?NAME)),
    look_up(Left - 1).

%% From the kill to the new owner's report.
fail_over(Fifth, Survivors) ->
    lists:member(Fifth, nodes()) orelse start_node(fifth),
    spawn(Fifth, ?MODULE, owner, [self()]),
    receive done -> ok end,
    Waiting = [
        begin
            Pid = spawn(Node, ?MODULE, standby, [self()]),
            receive done -> Pid end
        end
     || Node <- Survivors
    ],
    OsPid = erpc:call(Fifth, os, getpid, []),
    Before = erlang:monotonic_time(),
    [] = os:cmd("kill -KILL " ++ OsPid),
    receive done -> ok end,
    Elapsed = erlang:monotonic_time() - Before,
    [
        begin
            Ref = monitor(process, Pid),
            Pid ! done,
            receive {'DOWN', Ref, _, _, _} -> ok end
        end
     || Pid <- Waiting
    ],
    until_free(),
    Elapsed.

until_free() ->
    case global:whereis_name(?NAME) of
        undefined -> ok;
        _ -> global:sync(), until_free()
    end.

owner(Told) ->
    yes = global:register_name(?NAME, self()),
    Told ! done,
    receive done -> ok end.

watcher(Told) ->
    {Ref, []} = pg:monitor(?GROUP),
    Told ! done,
    watch(Ref, Told).

watch(Ref, Told) ->
    receive
        {Ref, join, _, _} -> Told ! done, watch(Ref, Told);
        {Ref, leave, _, _} -> watch(Ref, Told);
        done -> ok
    end.

standby(Told) ->
    Ref = monitor(process, global:whereis_name(?NAME)),
    Told ! done,
    receive {'DOWN', Ref, _, _, _} -> ok end,
    global:register_name(?NAME, self()) =:= yes andalso (Told ! done),
    receive done -> ok end.
