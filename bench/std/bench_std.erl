%% The shapes of std.ts with OTP's gen_server and supervisors, and Elixir's
%% DynamicSupervisor and Registry.
-module(bench_std).
-behaviour(gen_server).
-export([run/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-define(KEYS, 10_000).
-define(SUBSCRIBERS, 100_000).

run("genserver-call", Plan) ->
    bench_main:measure(Plan, 20_000_000, 1, fun(Count) ->
        with_server(fun(Server) -> call(Count, Server) end)
    end);
run("genserver-cast", Plan) ->
    bench_main:measure(Plan, 20_000_000, 1, fun(Count) ->
        with_server(fun(Server) ->
            cast(Count, Server),
            Count = gen_server:call(Server, {add, 0}, infinity)
        end)
    end);

%% Elixir's, whose children need not be alike.
run("dynamic-supervisor-start", Plan) ->
    load_elixir(),
    Start = {gen_server, start_link, [?MODULE, [], []]},
    Spec = #{id => idle, start => Start, restart => temporary},
    bench_main:measure(Plan, 200_000, 1, fun(Count) ->
        {ok, Supervisor} =
            'Elixir.DynamicSupervisor':start_link([{strategy, one_for_one}]),
        start_children(Count, Supervisor, Spec),
        unlink(Supervisor),
        exit(Supervisor, kill)
    end);
run("restart", Plan) ->
    logger:set_primary_config(level, none),
    Start = {gen_server, start_link, [{local, mortal}, ?MODULE, [], []]},
    {ok, _} = supervisor:start_link(?MODULE, {
        #{intensity => 1_000_000_000, period => 1},
        [#{id => mortal, start => Start}]
    }),
    Latencies = ets:new(latencies, []),
    bench_main:measure(Plan, 100_000, 1, fun(Count) ->
        ets:delete_all_objects(Latencies),
        restart(Count, whereis(mortal), Latencies)
    end, fun() ->
        bench_main:percentiles([L || {_, L} <- ets:tab2list(Latencies)])
    end);
%% Elixir's registry; Erlang has none.
run("registry-lookup", Plan) ->
    load_elixir(),
    Size = bench_main:size(Plan, ?KEYS),
    {ok, _} = 'Elixir.Registry':start_link([{keys, unique}, {name, keys}]),
    Keys = list_to_tuple([key(I) || I <- lists:seq(0, Size - 1)]),
    [
        {ok, _} = 'Elixir.Registry':register(keys, key(I), I)
     || I <- lists:seq(0, Size - 1)
    ],
    bench_main:measure(Plan, 50_000_000, 1, fun(Count) ->
        look_up(Count, Size, Keys)
    end);
%% What PubSub stands on, without a layer of its own.
run("pubsub-100k", Plan) ->
    Size = bench_main:size(Plan, ?SUBSCRIBERS),
    {ok, _} = pg:start_link(bench),
    Tally = atomics:new(1, []),
    Owner = self(),
    % All at once: each join copies the list of those that are there.
    ok = pg:join(bench, news, [
        spawn(fun() -> subscriber(Tally, Size, Owner) end)
     || _ <- lists:seq(1, Size)
    ]),
    bench_main:measure(Plan, 10_000, Size, fun(Count) ->
        broadcast(Count, Tally)
    end).

start_children(0, _Supervisor, _Spec) ->
    ok;
start_children(N, Supervisor, Spec) ->
    {ok, _} = 'Elixir.DynamicSupervisor':start_child(Supervisor, Spec),
    start_children(N - 1, Supervisor, Spec).

restart(0, _Pid, _Latencies) ->
    ok;
restart(N, Pid, Latencies) ->
    StartedAt = erlang:monotonic_time(),
    Pid ! crash,
    Next = another(Pid),
    ets:insert(Latencies, {N, erlang:monotonic_time() - StartedAt}),
    restart(N - 1, Next, Latencies).

another(Pid) ->
    case whereis(mortal) of
        Next when Next =/= undefined, Next =/= Pid ->
            Next;
        _ ->
            erlang:yield(),
            another(Pid)
    end.

load_elixir() ->
    case os:find_executable("elixir") of
        false -> error(elixir_is_not_installed);
        Program -> add_elixir(resolve(Program))
    end.

%% The script lies in the bin folder of Elixir's own, or is a link to it.
add_elixir(Script) ->
    Root = filename:dirname(filename:dirname(Script)),
    Ebin = filename:join([Root, "lib", "elixir", "ebin"]),
    true = code:add_path(Ebin),
    {ok, _} = application:ensure_all_started(elixir),
    ok.

resolve(Path) ->
    case file:read_link(Path) of
        {ok, Target} -> resolve(filename:absname(Target, filename:dirname(Path)));
        {error, _} -> Path
    end.

key(I) -> <<"key ", (integer_to_binary(I))/binary>>.

look_up(0, _Size, _Keys) ->
    ok;
look_up(N, Size, Keys) ->
    At = N rem Size,
    [{_, At}] = 'Elixir.Registry':lookup(keys, element(At + 1, Keys)),
    look_up(N - 1, Size, Keys).

%% The last one to count tells.
subscriber(Tally, Size, Owner) ->
    receive
        {news, _} ->
            case atomics:add_get(Tally, 1, 1) of
                Size -> Owner ! done;
                _ -> ok
            end,
            subscriber(Tally, Size, Owner)
    end.

broadcast(0, _Tally) ->
    ok;
broadcast(N, Tally) ->
    atomics:put(Tally, 1, 0),
    [Pid ! {news, N} || Pid <- pg:get_members(bench, news)],
    receive done -> ok end,
    broadcast(N - 1, Tally).

with_server(Body) ->
    {ok, Server} = gen_server:start(?MODULE, [], []),
    Body(Server),
    exit(Server, shutdown).

call(0, _Server) ->
    ok;
call(N, Server) ->
    gen_server:call(Server, {add, 1}),
    call(N - 1, Server).

cast(0, _Server) ->
    ok;
cast(N, Server) ->
    gen_server:cast(Server, count),
    cast(N - 1, Server).

init([]) -> {ok, 0};
init(Supervisor) -> {ok, Supervisor}.
handle_info(crash, Sum) -> {stop, crash, Sum}.
handle_call({add, N}, _From, Sum) -> {reply, Sum + N, Sum + N}.
handle_cast(count, Sum) -> {noreply, Sum + 1}.
