%% The shapes of std.ts with OTP's gen_server and supervisors, and Elixir's
%% DynamicSupervisor and Registry.
-module(bench_std).
-behaviour(gen_server).
-export([run/2]).
-export([init/1, handle_call/3, handle_cast/2]).

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
    end).

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

init([]) -> {ok, 0}.
handle_call({add, N}, _From, Sum) -> {reply, Sum + N, Sum + N}.
handle_cast(count, Sum) -> {noreply, Sum + 1}.
